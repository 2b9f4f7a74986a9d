// Every string that people see, in both languages.
const en = {
  add: "Add pages", ask: "Which AI tool are you looking for?", search: "Search", category: "Category", pricing: "Price",
  any: "any", more: "More results", addTitle: "Add pages", addHelp: "Addresses, one on each line:", addGo: "Fetch and index",
  close: "Close", searching: "Searching …", found: n => `${n} results`, nothing: "Nothing was found.",
  empty: "The catalogue is empty. Add the pages of a few tools first.", gone: "The server does not answer. Is it running?",
  answer: { extractive: "In the pages' own words", llm: "Answer" }, nearest: "Nothing here fits well. The nearest are:",
  useful: "Useful?", up: "Useful", down: "Not useful", thanks: "Noted", citation: n => `Show passage ${n}`,
  progress: (done, all) => `${done} of ${all} done`,
  states: { queued: "waiting", fetching: "being fetched", fetched: "fetched", processing: "being read", indexed: "indexed",
    unchanged: "up to date", skipped: "skipped", failed: "failed", cancelled: "cancelled" },
  reasons: { robots_disallowed: "the site's robots.txt does not allow it", robots_unreachable: "the site's robots.txt can't be read",
    timeout: "the site took too long", dns_failure: "there is no site of that name", address_forbidden: "a private address",
    invalid_url: "that is no web address", gone: "the page does not exist", access_denied: "the site refuses access",
    too_large: "the page is too large", unsupported_type: "not a page of text", no_text: "the page has no text",
    binary_content: "not text", empty_body: "the page is empty", rate_limited: "the site asks for patience",
    server_error: "the site has a fault", unavailable: "the site is not available", connect_failed: "the site can't be reached",
    same_content: "nothing has changed", not_modified: "nothing has changed", fresh_copy: "read a short while ago",
    duplicate: "the same text as another page", poison: "it could not be processed", too_many_redirects: "it redirects in a circle",
    incomplete_body: "the page came incomplete", bad_encoding: "the page is damaged" },
};
const ko = {
  add: "페이지 추가", ask: "어떤 AI 도구를 찾으세요?", search: "검색", category: "분류", pricing: "가격",
  any: "전체", more: "결과 더 보기", addTitle: "페이지 추가", addHelp: "주소를 한 줄에 하나씩 적어 주세요.", addGo: "가져와서 색인하기",
  close: "닫기", searching: "검색 중 …", found: n => `결과 ${n}건`, nothing: "찾은 것이 없습니다.",
  empty: "아직 등록된 도구가 없습니다. 먼저 도구 페이지를 몇 개 추가해 주세요.", gone: "서버가 응답하지 않습니다. 실행 중인지 확인해 주세요.",
  answer: { extractive: "페이지의 문장 그대로", llm: "답변" }, nearest: "꼭 맞는 도구가 없습니다. 가장 가까운 결과입니다:",
  useful: "도움이 되었나요?", up: "도움이 됨", down: "도움이 안 됨", thanks: "반영했습니다", citation: n => `인용문 ${n} 보기`,
  progress: (done, all) => `${all}개 중 ${done}개 완료`,
  states: { queued: "대기 중", fetching: "가져오는 중", fetched: "가져옴", processing: "읽는 중", indexed: "색인 완료",
    unchanged: "최신 상태", skipped: "건너뜀", failed: "실패", cancelled: "취소됨" },
  reasons: { robots_disallowed: "사이트의 robots.txt가 허용하지 않습니다", robots_unreachable: "사이트의 robots.txt를 읽을 수 없습니다",
    timeout: "사이트 응답이 너무 느립니다", dns_failure: "그런 이름의 사이트가 없습니다", address_forbidden: "내부망 주소입니다",
    invalid_url: "웹 주소가 아닙니다", gone: "페이지가 없습니다", access_denied: "사이트가 접근을 거부합니다",
    too_large: "페이지가 너무 큽니다", unsupported_type: "글로 된 페이지가 아닙니다", no_text: "페이지에 글이 없습니다",
    binary_content: "글이 아닙니다", empty_body: "빈 페이지입니다", rate_limited: "사이트가 잠시 기다려 달라고 합니다",
    server_error: "사이트에 오류가 있습니다", unavailable: "사이트를 지금 쓸 수 없습니다", connect_failed: "사이트에 연결할 수 없습니다",
    same_content: "바뀐 내용이 없습니다", not_modified: "바뀐 내용이 없습니다", fresh_copy: "조금 전에 읽은 페이지입니다",
    duplicate: "다른 페이지와 내용이 같습니다", poison: "처리할 수 없는 페이지입니다", too_many_redirects: "주소가 계속 되돌아옵니다",
    incomplete_body: "페이지가 중간에 끊겼습니다", bad_encoding: "페이지가 손상되었습니다" },
};
const languages = { en, ko };
const remembered = localStorage.getItem("language");

export let language = languages[remembered] ? remembered : navigator.language.startsWith("ko") ? "ko" : "en";
export let words = languages[language];

// Writes the strings of the chosen language into the page.
export function speak(chosen = language) {
  language = chosen;
  words = languages[chosen];
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  const other = chosen === "ko" ? "en" : "ko";
  const button = document.getElementById("language");
  button.textContent = other === "ko" ? "한국어" : "English";
  button.lang = other;
}

export function switchLanguage() {
  speak(language === "ko" ? "en" : "ko");
  localStorage.setItem("language", language);
}
