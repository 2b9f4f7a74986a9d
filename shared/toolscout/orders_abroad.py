"""Orders to a language model in other languages than English; `orders.py` says how the patterns are written."""

from __future__ import annotations

from toolscout.orders import rule

ABROAD = (
    rule(
        "Korean",
        """챗봇|봇에|봇은|봇이|봇님|라면|여러분|들아|반드시|항상|크롤러|비서|요약기|추천|소개|기록|분류|무시|잊|따르지
|취소|삭제|폐기|라고|다고|답변|응답|요약|이제|지금부터|시스템|에게|가격|출력|어시스턴트|인공지능|모델""",
        r"""(?:이전|위의?|앞의?|앞선|기존|지금까지|상기|모든|원래|시스템|다른)[^.\n]{0,20}?(?:지시|명령|지침|프롬프트
|규칙|컨텍스트|맥락|대화|설정|문서|내용|말)[가-힣\s]{0,12}?(?:무시|잊|따르지|취소|버리|버려|삭제|폐기|덮어)|(?:ai
|인공 ?지능|에이아이|언어 ?모델|llm|챗봇|어시스턴트|크롤러|gpt|요약기|비서|모델|봇)[가-힣]{0,3}(?: ?여러분)?\s?(?:에게
|께|여|야|님|들아|라면|이라면|이여|용 (?:안내|지시|메모|참고)|(?:는|은) (?:반드시|항상|꼭))[^\n]{0,6}[:：,—!]|(?:ai
|인공 ?지능|언어 ?모델|llm|챗봇|어시스턴트|크롤러|gpt|요약기|모델)[^.\n]{0,30}(?:반드시|항상|꼭|절대)[^.\n]{0,50}(?:답
|말하|언급|출력|추천|소개|포함|응답|표시|적어|쓰|기록)[가-힣]{0,4} ?(?:세요|십시오|시오|라|해야|한다|합니다|할 것|주)
|(?:이?라고|다고)(?: ?(?:만|꼭|반드시|항상|정확히|그대로))* ?(?:답|대답|답변|응답|출력|적|써|소개|기재|분류|기록|보고
|표시|언급|말)[가-힣]{0,3} ?(?:주)?(?:세요|십시오|시오|라|해|할 것|해 ?줘|줘)(?=$|[.!\s])|(?:답변|응답|요약|출력
|대답)(?:에는?|할 때|시|의 (?:끝|처음|첫|마지막))[^.\n]{0,60}(?:포함|언급|추가|출력|적|쓰|써|말|추천|기재|붙|넣
|시작)[가-힣]{0,4} ?(?:주)?(?:세요|십시오|시오|라|해야|할 것)(?=$|[.!\s])|(?:이|본|해당|우리|저희) (?:페이지|사이트
|도구|제품|서비스|문서|글|툴)[^.\n]{0,15}(?:요약|설명|소개|추천|답변|인용|언급|색인|처리)[가-힣]{0,4} ?(?:때|시|경우
|면)[^.\n]{0,80}(?:말|언급|포함|추천|답|출력|표시|적|쓰|써)[가-힣]{0,5} ?(?:주)?(?:세요|십시오|시오|라|해야)|(?:당신|너
|넌|귀하)[은는]? ?(?:이제|지금부터)(?:부터)?[^.\n]{0,40}(?:입니다|이다|다|해야|라|세요|야|있어)(?=$|[.!\s])|(?:이제
|지금)부터 (?:당신|너)[은는]|시스템 ?(?:프롬프트|메시지|지시|명령)\s?[:：]|(?:새로운|새) (?:지시|명령
|지침)(?:사항)?\s?[:：]|(?:가격|요금제?|카테고리|분류|플랫폼|이름)(?:을|를|은|는|의? ?필드[를은]?)[^.\n]{0,25}(?:으?로
|이?라고) ?(?:설정|표시|기록|분류|변경|추출|지정|보고|기재)[가-힣]{0,4}(?:세요|십시오|시오|라)(?=$|[.!\s])|(?:가격|요금
|카테고리|플랫폼|이름)[^.\n]{0,14}(?:추출|수집|기록|분류|저장)할 (?:때|경우)[^.\n]{0,40}(?:세요|십시오|시오|라)(?=$
|[.!\s])|(?:ai|인공 ?지능|모델|챗봇|어시스턴트|llm)[은는이가][^.\n]{0,30}(?:답변|응답|대답) ?(?:의 )?(?:끝|처음|앞
|마지막)에[^.\n]{0,40}(?:세요|시오|라|야 ?(?:한다|합니다|해))|(?:ai|인공 ?지능|언어 ?모델|챗봇|어시스턴트|크롤러|요약기
|봇)[은는이가][^.\n]{0,40}(?:추천|소개|언급|표시|답|말)[가-힣]{0,3}(?:하라|해라|라)(?=$|[.!])
|(?:ai|인공 ?지능|언어 ?모델|챗봇|어시스턴트|크롤러|llm)[가-힣 ]{0,8}[은는이가] [^.\n]{0,20}(?:이|본|우리|저희) (?:제품
|도구|서비스|사이트|페이지|툴)[^.\n]{0,30}(?:추천|소개|안내|언급|표시|말|답)[가-힣]{0,3} ?(?:야 ?(?:한다|합니다|해)
|하라|해라|할 것|세요|시오)""",
    ),
    rule(
        "Japanese and Chinese",
        """言|書|述べ|表示|記載|返|あなた|君|登録|指示|命令|プロンプト|ルール|指令|無視|忘れ|答え|回答|出力|要約|紹介
|今から|提示|规则|規則|输出|輸出|忽略|无视|推荐|推薦|现在|總結|总结|概括|回复|回覆|人工智能|模型|助手|爬虫|アシスタント
|人工知能""",
        r"""(?:以前|前|上記|これまで|先|今まで|すべて|全て|既存|元|上)の?[^。\n]{0,14}?(?:指示|命令|プロンプト|ルール
|指令|規則|設定)[^。\n]{0,8}?(?:無視|忘れ|従わ|破棄|取り消|無効)|(?:ai|人工知能|言語モデル|アシスタント|llm
|チャットボット|モデル|クローラー?)[^。\n]{0,12}(?:へ|向け|の皆|宛|さん|様|に告ぐ)[^。\n]{0,8}[:：、!！]|(?:と|とだけ
|と必ず)(?:答え|回答|出力|返答|言っ|言い|書い|述べ|表示し|記載し|返信|紹介し|推薦し)[^。\n]{0,4}(?:て|せよ|しろ
|して(?:ください|下さい)|なさい|ください|下さい)(?=$|[。!！\s])|(?:あなたは|君は|お前は)(?:今から|これから|今後|もう)
|(?:今から|これから)(?:あなた|君)は|(?:この|本|当|弊社の?)(?:ページ|サイト|ツール|製品|文書
|サービス)[^。\n]{0,10}(?:要約|紹介|説明|推薦|回答|言及|引用)[^。\n]{0,10}(?:際|とき|時|場合
|には)[^。\n]{0,60}(?:ください|下さい|こと|せよ|なさい)|(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守|覆盖|忽視
|忽视|不理会|不再遵守|抛开)[^。\n]{0,18}?(?:指令|指示|提示|命令|规则|規則|内容|內容|设定|設定|要求|說明|说明)|(?:ai
|人工智能|人工智慧|语言模型|語言模型|助手|大模型|llm|机器人|機器人|爬虫|爬蟲|模型)[^。\n]{0,14}(?:请|請|必须|必須|应当
|应该|應該|务必|務必|须)[^。\n]{0,24}(?:回答|输出|輸出|推荐|推薦|提及|说|說|回复|回覆|写|打印|包含|声明|列为|列為|复述)
|(?:致|给|給|对|對)(?:所有|各位|任何)?(?:的)?(?:ai|人工智能|语言模型|大模型|llm|机器人|爬虫)[^。\n]{0,12}[:：，,]|(?:请
|請|只|仅|僅|必须|务必|直接|一律|都)(?:只|仅|直接|始终)?(?:回答|回复|回覆|输出|輸出|打印|重复|重複|说
|說)[^。\n]{0,10}?[：:“\"「『A-Za-z]|(?:你|您)(?:现在|現在)是|(?:从|從)(?:现在|現在)(?:开始|開始|起)[,，]?(?:你|您)
|(?:总结|總結|概括|介绍|介紹|描述|摘要|推荐|推薦)(?:本|此|该|該|这个|這個|这)[^。\n]{0,10}(?:时|時
|候)[^。\n]{0,50}(?:说|說|提|包|推荐|推薦|写|寫|输出|輸出|回答|声明)|(?:無料|有料|価格|料金)[^。\n]{0,8}(?:として
|と)(?:登録|記録|分類|表示|報告)(?:して(?:ください|下さい)|せよ|しろ)""",
    ),
    rule(
        "override in European languages",
        """ignor|olvid|descart|desestim|omiso|sigas|vergiss|vergess|missacht|verwirf|uberschreib|beacht|oubli|neglig
|abstraction|suis|suivez|tiens|tenez|esque|desconsid|dimentic|trascur|negeer|vergeet|zignoruj|zapomnij|abaikan|lupakan
|qua|игнорируй|забудь|обращай;reg|правил|alles|todo|tout|tutto|tudo|все|всё|instruc|indicac|directr|anweis|instruk
|befehl|vorgabe|richtlin|prompt|consigne|directiv|istruz|comand|orden|instructies|opdracht|polecen|perintah|chi|huong
|инструкц|указани|команд|промпт|reg""",
        r"""\b<OVERRIDE>\b[^.!?\n]{0,50}?\b<ORDERS>|\b<ORDERS>\b[^.!?\n]{0,30}?\b(?:ignorieren|missachten|vergessen
|ignorar|olvidar|ignorer|oublier|ignorare)\b|\b(?:vergiss|vergessen sie|olvida|olvide|oublie[rz]?|dimentica|esqueca
|забудь) (?:alles|todo lo|tout|tutto|tudo|все|всё)~\b(?:gesagt|vorher|bisher\w*|anterior\w*|te han|dicho|preced\w+
|avant|dit|prima|detto|antes|disse\w*|сказал\w*|выше)\b|\b<OVERRIDE> (?:tus|sus|deine|ihre|tes|vos|tuas|suas|tue|sue
|твои|свои) (?:reglas|regeln|regles|regras|regole|правила)""",
        quotable=True,
    ),
    rule(
        "say in European languages",
        """=ты|=si|=se|=wenn|=если|=nur|=solo|=seulement|uniquement|unicamente|exactement|exactamente|=genau|=apenas
|somente|esattamente|solamente|=immer|=siempre|=toujours|=sempre|только|всегда|=ahora|=jetzt|desormais|=maintenant
|=fortan|=adesso|=agora|теперь|resum|zusammenfass|describir|=pagina|herramienta|=seite|werkzeug|=outil|=dass|=que|=che
|=что|=ia|=ki|=al|=nel|=ao|beim|quand|lorsque""",
        r"""^[\W_]*(?:(?:bitte|por favor|s'il (?:te|vous) plait|per favore|пожалуйста|und|y|et
|e)\W+)?<SAY>\b[^.!?\n]{0,40}?\b(?:nur|solo|seulement|uniquement|unicamente|exactement|exactamente|genau|apenas|somente
|esattamente|solamente|immer|siempre|toujours|sempre|только|всегда|(?:dass?|que|che|что) (?:dies\w*|est[ea]|cet(?:te)?
|ce|quest\w+|ess[ea]|этот|это))\b|\b(?:ahora eres|a partir de ahora,? (?:eres|debes|responde\w*)|du bist (?:jetzt
|ab jetzt|nun)|ab (?:jetzt|sofort) (?:bist du|antworte\w*|sollst du)|tu es (?:maintenant|desormais)
|vous etes (?:maintenant|desormais)|a partir de maintenant,? (?:tu|vous)|da ora in poi|sei ora|adesso sei|voce agora e
|a partir de agora,? voce|теперь ты|ты теперь|отныне ты)\b|\b(?:al (?:resumir|describir|recomendar|presentar|citar)
|si (?:resumes|describes)|wenn (?:du|sie) (?:diese|uber|dieses)[^.!?\n]{0,40}(?:zusammenfass|beschreib|empfehl|empfiehl
|erwahn|zitier)\w*|beim zusammenfassen|(?:en|quand vous|lorsque vous|si vous) resum\w+|nel riassumere|ao resumir
|при (?:описании|пересказе))\b[^.!?\n]{0,80}?(?:<SAY>|debes|muss\w*|sollst|devez|dois|devi|deve|должен)\b
|<MODEL>[^.!?\n]{0,60}\b(?:deben?|debera\w*|mussen?|sollen|sollten|doivent|doit|devono|devem
|должн\w+)\b[^.!?\n]{0,40}(?:recom\w+|empfehl\w+|erwahn\w+|mencion\w+|mentionn\w+|respond\w+|antwort\w+|repond\w+
|consigliar\w*|dec?ir\b|dire\b|sagen|рекоменд\w+|упомин\w+|отвеча\w+)|\b(?:si eres|si es usted|wenn (?:du|sie) ein\w*
|si (?:tu es|vous etes)|se (?:voce e|sei)|если ты)\b[^.!?\n]{0,20}?<MODEL>|^\W*ты\W+<MODEL>""",
    ),
    rule(
        "other languages",
        """talimat|komut|kural|تعليمات|الأوامر|निर्देश|आदेश|พร|คำสั่ง""",
        r"""(?:onceki|yukaridaki|tum)[^.\n]{0,30}(?:talimat|komut|kural)\w*[^.\n]{0,20}(?:yok say|unut|gormezden
|dikkate alma)|(?:تجاهل|انس|تجاوز)[^.\n]{0,40}(?:التعليمات|تعليمات|الأوامر|القواعد)|(?:पिछल|पहल|उपरोक्त
|सभी)[^।\n]{0,30}(?:निर्देश|आदेश)[^।\n]{0,20}(?:अनदेखा|भूल|नज)|(?:ละเว้น|ไม่ต้องสนใจ|เพิกเฉย)[^\n]{0,40}คำสั่ง""",
    ),
)
