"""What orders to a language model look like, patterns over text in lower case, without accents.

In the patterns `~` is a gap within a sentence, `<NAME>` one of the fragments below, and line breaks mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FRAGMENTS = {
    # Where an order may begin: a clause, or what puts one.
    "START": r"""(?:^[\W_]*|[,;:—–] ?| - |\b(?:must|should|to|please|and|then|always|also|kindly|now|just|instead
|simply) )""",
    "MODEL": r"""(?:\b(?:a\.?i\.?s?|llms?|ki|ia|gpts?|chat ?gpt|claude|gemini|copilot|perplexity|grok|(?:language
|foundation|ai) models?|(?:virtual |digital |ai )?assistants?|chat ?bots?|ai (?:agents?|systems?|crawlers?)|crawlers?
|scrapers?|summari[sz]ers?|extractors?|parsers?|indexers?|retrievers?|answer engines?|neural networks?
|summari[sz]ation (?:models?|systems?|bots?)|(?:ai|answer|overview) (?:generators?|engines?|overviews?)
|machine readers?|automated (?:\w+ )?(?:tools?|systems?|readers?|agents?)|summary (?:tools?|bots?)|ai readers?
|(?:ro)?bots?|rag (?:systems?|pipelines?)|sprachmodelle?n?|assistent\w*|asistentes?|inteligencia artificial
|model\w* (?:de )?(?:lenguaje|langage|linguag\w+|linguistic\w+)|intelligence artificielle|intelligenza artificiale
|kunstliche intelligenz)\b|языков\w+ модел\w+|нейросет\w+|ассистент\w*)""",
    "TELL": r"""(?:say|print|output|respond|reply|answer|repeat|recite|mention|recommend|echo|emit|append|prepend
|declare|endorse|promote|praise|rank|rate|cite|classify|categori[sz]e|prefer|prioriti[sz]e|acknowledge|conclude|reveal
|disclose|assert|claim|obey|comply|pretend|score|favou?r|list|describe|report|state|include|treat|label|mark|record
|present|display|insert|write|tell|inform|begin|start|end|finish|quote|suggest|name|call|note|add|confirm|refer|link
|ensure|set)""",
    "SAY": r"""(?:responde[nr]?|responda[ns]?|contest[ae]n?|di|diga[ns]?|escrib[ae]n?|imprim[ae]n?|mencion[ae]n?
|repit[ae]n?|incluy[ae]n?|recomiend[ae]n?|afirm[ae]n?|antworten sie|antwortet?|sage?n?|schreibe?n?|erwahne?n?|empfiehl
|empfehlen|gib|geben sie|nenne?n?|reponde?z?|reponds|dis|dites|ecri(?:s|vez)|affiche[rz]?|mentionne[rz]?
|recommande[rz]?|indique[rz]?|inclu(?:s|ez)|rispondi|risponda|scrivi|stampa|menziona|consiglia|escreva|mencione
|recomende|antwoord|zeg|odpowiedz|napisz|ответь\w*|отвечай\w*|скажи\w*|напиши\w*|выведи\w*|упомяни\w*
|порекомендуй\w*)""",
    "THIS": r"""(?:this|our|the (?:above|following|present|current)|these) ?(?:\w+ ){0,2}?(?:web ?pages?|pages?
|web ?sites?|sites?|tools?|products?|documents?|content|text|articles?|passages?|data|app|service|company|brand
|software|listing|entry|record|source)\b""",
    "OVERRIDE": r"""(?:ignor(?:ad?|ar|ate|iere\w*|ierst|ez|er|eer|e (?:todas?|todos|as|os|las|los|toutes|tous|les?|la
|tutte|le|alle|qualquer))|olvid\w*|descart\w+|desestim\w+|haz caso omiso|no sigas|vergiss|vergesst|vergessen
|missacht\w+|verwirf|uberschreib\w+|beachte\w* nicht|oublie[rz]?|negligez|(?:fais|faites) abstraction|ne (?:suis|suivez
|tiens|tenez) (?:pas|plus)|esquec\w+|desconsider\w+|dimentica\w*|trascura\w*|negeer|vergeet|zignoruj|zapomnij|abaikan
|lupakan|bo qua|игнорируй\w*|проигнорируй\w*|забудь\w*|не обращай\w*)""",
    "ORDERS": r"""(?:instruc\w+|indicacion\w*|directric\w+|anweisung\w*|instruktion\w*|befehl\w*|vorgabe\w*
|richtlinie\w*|prompts?|consignes?|directives?|istruzion\w+|comandi|comandos|ordenes|ordens|instructies|opdrachten
|polecen\w+|instrukcj\w+|instruksi|perintah|chi thi|huong dan|инструкци\w+|указани\w+|команд\w*|промпт\w*|(?:reglas
|regeln|regles|regras|regole) (?:anterior|previ|vorherig|bisherig|preced|del sistema|du systeme)\w*)""",
}


# What the fragments need, where they need the same words each time.
_NEEDS = {
    "MODEL": """=ai =ais a.i llm =ki =ia gpt claude gemini copilot perplexity grok model assist asist crawler scraper
summar extractor parser indexer retriever engine network generator overview reader =bot =bots robot chatbot agent
automated =rag inteligencia intelligen intelligenz модел нейросет ассистент""",
    "TELL": """=say =print =output =respond =reply =answer =repeat =recite =mention =recommend =echo =emit =append
=prepend =declare =endorse =promote =praise =rank =rate =cite =classify =categorise =categorize =prefer =prioritise
=prioritize =acknowledge =conclude =reveal =disclose =assert =claim =obey =comply =pretend =score =favour =favor =list
=describe =report =state =include =treat =label =mark =record =present =display =insert =write =tell =inform =begin
=start =end =finish =quote =suggest =name =call =note =add =confirm =refer =link =ensure =set""",
    "SAY": """respond contest =di =diga =digan =digas escrib imprim mencion repit incluy recomiend afirm antwort =sag
=sage =sagen =sagt schreib erwahn empf =gib geben nenn repond =dis dites ecri affich mentionn recommand indiqu inclu
rispond scriv stampa menziona consiglia escreva recomende antwoord =zeg odpowiedz napisz ответь отвечай скажи напиши
выведи упомяни порекомендуй""",
}


def compiled(pattern: str) -> re.Pattern[str]:
    pattern = re.sub(r"<([A-Z]+)>", lambda found: _FRAGMENTS[found[1]], pattern)
    return re.compile(pattern.replace("\n", "").replace("~", r"[^.!?\n]{0,50}?"), re.M)


@dataclass(frozen=True, slots=True)
class Rule:
    """Orders of one kind. Wherever `pattern` fits, one word of each group of `needs` is met (see `orders_words.py`)."""

    kind: str
    needs: tuple[tuple[str, ...], ...]
    pattern: re.Pattern[str]
    # Whether those who write about attacks quote such orders.
    quotable: bool = False
    # Whether it is one only together with a token that means nothing.
    with_token: bool = False


def rule(kind: str, needs: str, pattern: str, quotable: bool = False, with_token: bool = False) -> Rule:
    """`needs`: groups between semicolons, words between spaces; `=so` is the whole word so, others are parts of one."""
    needs = re.sub("<([A-Z]+)>", lambda found: _NEEDS[found[1]], needs)
    groups = tuple(tuple(group.split()) for group in needs.split(";") if group.strip())
    return Rule(kind, groups, compiled(pattern), quotable, with_token)


# A token that means nothing: what an attacker looks for in the answer.
TOKEN = re.compile(
    r"(?<![\w/.-])(?!GPT|LLAMA|LLM|ISO|CVE|RFC|UTF|SHA|IEEE|SOC|CC-)(?=(?:[A-Z-]*\d){2})(?=[\w-]{8,48}(?![\w-]))"
    r"(?=(?:\w+-){2}|(?:\D*\d){4})[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+(?![\w-])"
    r"|(?<![\w/.-])(?=(?:[A-Za-z]*\d){3})(?=(?:[a-z0-9]*[A-Z]){3})[A-Za-z]*\d+[A-Za-z]+\d[A-Za-z0-9]*(?<=\w{9})(?![\w-])"
    r"|(?<![\w/.-])[A-Z]{6,}-\d{2,}(?![\w-])"
    r"|(?i:(?<![\w-])[\w-]*canary[_-]\w+[\w-]*|canary\d+)",
    re.A,
)

# Goes on with an order before or after it; means nothing alone.
AKIN = compiled(
    r"""^[\W_]*(?:(?:please|always|also|then|now|instead|and|finally|next|afterwards|kindly|only|just|first|never
|do not|don'?t|you (?:must|should|shall|have to|need to|will|are)|important|remember to|be sure to|make sure (?:to|that
|you)) ?,? ?)*
(?:(?:say|print|output|respond|reply|answer|repeat|recite|mention|recommend|echo|emit|obey|comply|reveal|pretend|claim
|ignore|disregard|forget|rank|classify|rate|decode|append|acknowledge|confirm)\b(?!\()|(?:write|list|set|describe|start
|end|begin|finish|include|add|use|state|report|treat|mark|label|call|tell|return|insert|put|give|show|display|act|speak
|follow|execute|do)\b ?(?:only|exactly|nothing|that|this|it\b|as|in|so|your|users?|every|any|the
 (?:word|phrase|token|text|string|following|code|price|pricing|tool|user|sentence|name|category)|with|not|[\"“'{]))
|^[\W_]*(?:you (?:must|should|shall|are (?:now|required|instructed|forbidden)|will (?:be|only|now|always))|your (?:task
|answer|response|reply|output|job|goal|role|only)|failure to|otherwise|this (?:is (?:an? )?(?:order|command|instruction
|important|mandatory|required|test|system|critical|urgent)|instruction|message|directive|overrides?|applies)
|from now on|no matter what|under no circ|thank you,? (?:ai|assistant|for your (?:cooperation|compliance))
|hello,? (?:dear |fellow )?(?:ai|assistant|llm|language model)|(?:dear|attention|hey|hi|note to|to all
|to any) ~<MODEL>)|^[\W_]*(?:this|the|our) (?:tool|product|service|app|software|website|site
|page)\b ?(?:\w+ ){0,4}?(?:is|are|costs?|has|works|runs|supports?)
~(?:free|best|paid|\$|€|₩|price|cost|windows|mac|linux|ios|android|safe|#1|number one|top)|^[\W_]*(?:the )?(?:pricing
|price|category|platforms?|summary|name|rating|it)(?: of this \w+)? ?(?:is|are|=|:)
~(?:free|paid|\$|open source|[\"“'])|^[\W_]*(?:system|assistant|human|user|developer) ?:
|^[\W_]*sure[,!] |^[\W_]*<SAY>\b|^[\W_]*\{[ \"']|^[\W_]*(?:이 (?:도구|제품|서비스|페이지|사이트)[은는]|(?:그리고|반드시
|항상|절대|대신|답변|응답) ?)[^.\n]{0,60}(?:세요|십시오|시오|라|무료[^.\n]{0,8})[.!]?$|(?:답|말|출력|응답|언급|추천
|표시|기록|따르)[가-힣]{0,4}(?:세요|십시오|시오|하라|해라)[.!]?$
|(?:외쳐|말해|적어|답해|출력해|대답해|붙여|넣어|인사해|반복해) ?(?:봐|줘|주세요|주십시오|라)[.!]?$
|^[\W_]*the (?:only|one|sole) (?:thing|word|task|text|answer)\b[^.!?\n]{0,30}\byou\b|(?:回答|出力|返答|言及
|推薦|紹介|表示|記載)[^。\n]{0,6}(?:ください|下さい|こと|せよ|なさい)[。.!]?$|^(?:请|請|必须|务必|只|然后|并且?
|不要)[^。\n]{0,12}(?:回答|回复|输出|輸出|推荐|说|写|打印|提及)"""
)

# Speaks of such orders rather than giving one.
QUOTED = compiled(
    r"""^(?!\W*(?:please |now |kindly |and )?(?:ignore|disregard|forget|override)\b).*(?:attack|injection|jailbreak
|attempt|such as|e\.g\.|for example|detect|block|prevent|protect|guard|defend|malicious|adversar|vulnerab|hacker
|exploit|trick|classifier|red.team|공격|탈옥|차단|탐지|방어|인젝션|攻撃|攻击|注入|ataque|angriff|attaque)
|(?:instructions?|prompts?|rules|above|everything)[\"”’']?[ -](?:attacks?|style|injections?|jailbreaks?|attempts?
|tricks?|payloads?|exploits?|공격|are (?:blocked|detected|filtered|caught))"""
)

# Roles and borders of chat templates; a page's reader has no use for them.
TEMPLATE = re.compile(
    r"<\|?(?:im_(?:start|end|sep)|system|user|assistant|begin_of_text|start_header_id|end_header_id|eot_id|endoftext"
    r"|endofprompt|start|end|channel|message|return|tool_call)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>"
    r"|<[｜|](?:User|Assistant|begin▁of▁sentence|end▁of▁sentence)[｜|]>"
    r"|^\W*#{2,} ?(?:Instructions?|System|Response|Assistant|Human|User)(?: prompt)? ?:",
    re.I | re.M,
)
