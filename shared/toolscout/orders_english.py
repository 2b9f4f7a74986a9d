"""Orders to a language model in English; `orders.py` says how the patterns are written."""

from __future__ import annotations

from toolscout.orders import rule

ENGLISH = (
    rule(
        "override",
        """skip|everything|wrong|false|placeholder|outdated|fake|incorrect|joke|test|cancel|abort|stop|drop|ignor
|disregard|forget|overrid|overrul|bypass|neglect|discard|dismiss|abandon|follow|attention|heed|obey|supersed|aside|void
|revok|cancel|null|invalid|obsolete|lifted|replaced|suspend|longer|over|removed|disabled|test|false|wrong|irrelevant
|fake|outdated|listen|adher|comply;pric|rest|title|meta|remaining|after|below|content|information|description|page|site
|document|says|safety|security|ethic|task|request|conversation|job|question|instruct|prompt|rule|guid|directi|command
|order|context|messag|told|above|before|training|polic|program|restrict|constrain|text|passage|prior|far|until|up|asked
|given|read|source""",
        r"""(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|es|ing)|overrul(?:e|es)|bypass|neglect
|supersedes?|(?:set|put|lay) aside|(?:pay|give) no (?:more )?(?:attention|heed) to|(?:discard|dismiss
|abandon)(?= ?(?:all|any|your|the prev))|(?:do not|don'?t|never|stop|cease|no longer|instead of) (?:follow|obey|listen
|adher|comply)\w*)
(?:~(?:previous|prior|above|earlier|preceding|foregoing|former|original|initial|existing|current|system|safety
|developer|hidden|other|all|any|your|every|those)~(?:instructions?|prompts?|directives?|directions?|commands?
|guidelines?|guidance|guardrails?|programming|training|constraints?|restrictions?|polic(?:y|ies)|(?:(?<=prior )
|(?<=previous )|(?<=above )|(?<=system )|(?<=earlier )|(?<=your )|(?<=preceding ))(?:rules|text|context|messages?
|passages?|orders|conversation)|(?<=other )(?:passages|sources)|you(?:'ve| have| were| are)? (?:been )?(?:told|given
|instructed|asked|read))|~(?:instructions?|prompts?|directives?|guidelines|rules)(?= (?:you|given|above|that came
|provided|from the (?:system|developer|user)|in (?:the|your) (?:system|prompt)))|\W{0,3}(?:everything|anything|all
|what(?:ever)?|the(?: text)?) ?(?:of the |that (?:was|is|came) |you (?:\w+ ){1,4})?
(?:above|before|prior|so far|until now|up to (?:now|here|this point)))|\b(?:previous|prior|earlier|above|your|system
|all) (?:\w+ )?(?:instructions?|rules|guidelines|directives?|prompts?|orders|restrictions) (?:are|is|have been|has been
|no longer)
 (?:hereby |now )?(?:void|revoked|cancel\w*|null|invalid|obsolete|lifted|replaced|superseded|suspended|no longer|over
|removed|disabled|overridden|appl)|\beverything (?:you (?:\w+ )?(?:read|were told|saw|learned)|above
|before this)~\b(?:was|is) (?:a test|false|wrong|void|irrelevant|fake|over|outdated)
|\bno longer appl\w+[:,;] (?:override|ignore|disregard|forget)\b|\b(?:disregard|ignore|bypass
|override) (?:all |any |your |the )?(?:safety|security|ethical)\b(?! warning)|\b(?:cancel|stop|abort|drop) (?:the
|your) (?:current|previous|ongoing|present) (?:task|request|conversation|job|question)\b[^.!?\n]{0,20}\b(?:start|do
|write|begin|instead|say|print)\b|\b(?:the )?(?:text|content|information|description|passage)s? (?:above|below) (?:is
|was|are) (?:wrong|false|a placeholder|outdated|fake|incorrect|a joke|a test)\b|\b(?:ignore|disregard) (?:any|all|what
|the)\b~\b(?:(?:on|of|in) (?:this|the) (?:page|site|website|document|passage)\b|(?:site|page|website|document) says)
|\b(?:ignore|disregard|skip) the (?:pricing|price|rest|remaining|following|description|meta|title)\b[^.!?\n]{0,30}(?:$
|[,;:.]| (?:it|and|of (?:the|this) (?:page|text|document))\b)
|\beverything (?:after|below|following) (?:this|the)~\b(?:is|are) (?:your|the|a) (?:\w+ )?(?:prompt|instructions?|task
|order)""",
        quotable=True,
    ),
    rule(
        "new orders",
        """intended|meant|written|reserved|=take|=tell|memory|context|training|instruct|note|notice|process|read|pars
|summari|task|directive|objective|goal|orders|mission|message|purpose|role|job""",
        r"""\b(?:your|here are (?:your|the)) (?:new|real|actual|true|only|updated|sole|primary) (?:\w+ )?(?:task
|instructions?|goal|objective|job|mission|role|directives?|orders|purpose)s? ?(?:is|are|:|now)|^\W*(?:new|updated|real
|hidden|secret|important|urgent|additional|special|further|critical|mandatory|revised)(?: \w+)?
 (?:instructions?|directives?|orders|objective)(?: (?:for|to) [^:\n]{1,40})? ?[:!>—-]|(?:following|these|this
|my) (?:instructions?|directives?|orders|message)s? (?:\w+ )?(?:overrides?|supersedes?|replaces?|takes? p
|have (?:highest|higher|top|absolute) priority|must be (?:followed|obeyed))|^\W*<MODEL> (?:instructions?|directives?
|notes?|orders|notice|message)(?: only)? ?:|\b(?:to|for) (?:whoever|whatever|anyone|anything|any system
|the system) (?:is |that is |that |which )?(?:process|read|pars|summari)\w*~(?:machine|model|automat|\bai\b|system)
|\byour instructions (?:have|has) (?:been )?(?:updated|changed|replaced)|\b(?:overwrite|wipe|erase) your (?:memory
|context|instructions|training)|\b(?:text|paragraph|message|note|section|passage|page|block) is (?:intended|meant
|written|only|reserved)(?: only| solely| exclusively)? for ~<MODEL>|<MODEL>,? (?:please )?take note\b
|<MODEL>~\btell (?:your|the) users?\b""",
    ),
    rule(
        "address",
        """ai|llm|gpt|model|bot|assist|crawl|scrap|claude|gemini|copilot|summari|extract|pars|index|engine|retriev
|intelligen|ki|ia|grok|perplexity|нейросет|ассистент|asist;to|dear|attention|hey|hi|hello|greeting|listen|note|notice
|message|memo|instru|directive|remind|warning|request|guidance|hint|info|achtung|hinweis|nachricht|anweisung|lieb
|atencion|nota|mensaje|aviso|estimad|querid|cher|remarque|consigne|car|istruz|atencao|внимание|уважаем""",
        r"""^[\W_]*(?:(?:and|p\.?s\.?|hidden|important|urgent|critical|special|secret|private|internal|system|quick
|short|public)\W+)*(?:dear|attention|hey|hi|hello|greetings|listen|(?:foot)?notes?|notice|message|memo|instructions?
|directives?|reminder|warning|request|guidance|hint|info(?:rmation)?|achtung|hinweis\w*|nachricht|anweisung\w*|lieber?
|liebes|atencion|nota|mensaje|aviso|instrucciones|estimad[oa]s?|querid[oa]s?|chere?s?|remarque|consignes?|car[oi]
|istruzioni|atencao|внимание|уважаем\w+)\b,?(?: (?:to|for|aux?|a|an|fur|pour|para|per|the|all|any|every|our|my|los|las
|les|el|la|le|alle|die|den|der|future|other|fellow|helpful|powerful|automated|of|visiting|reading|large|kind
|l)\b'?){0,5} ?(?:\w+[ -]){0,2}?
<MODEL>(?! (?:features|news|tools|users|settings|newsletter|team|builder|writer))
(?:[^.!?\n:;,—–]{0,60}[:;,!—–]|\W*$| (?:please|you |should|must|reading|process|summari|index|crawl|that|which|when
|visiting))|^\W*to (?:the|any|all|every|whichever|an?) (?:\w+ ){0,2}?<MODEL>(?: (?:reading|processing|that|who|which
|visiting)[^:\n]{0,40})?[:,]""",
    ),
    rule(
        "vocative",
        """ai|llm|gpt|model|bot|assist|crawl|claude|gemini|copilot|grok|perplexity|summari|extract|pars|scrap|engine
|network|retriev;please|kindly|always|never|you|not|say|print|output|respond|reply|answer|mention|recommend|repeat
|ignore|disregard|rank|rate|classify|state|treat|set|include""",
        r"""^\W*(?:to |for )?(?:all |any |every |the )?(?:\w+[ -]){0,2}?<MODEL>(?:(?: (?:reading|visiting|processing
|that|who|which|summari|index|agent|model|assistant|crawler|bot|system|user)[^.!?\n:,—]{0,30})? ?[:—]|,) ?(?:please
|kindly|always|never|you (?:must|should|are now|will)|do not|(?:say|print|output|respond|reply|answer|mention|recommend
|repeat|ignore|disregard|rank|rate|classify|state that|treat|set the|include th)\b)""",
    ),
    rule(
        "modal",
        """should|must|shall|need|have|has|instructed|required|asked|advised|encouraged|requested|ordered|urged|please
|obliged|directed|ought|told;ai|llm|gpt|model|bot|assist|crawl|claude|gemini|copilot|summari|extract|pars|engine
|retriev|index|scrap|network|grok|perplexity""",
        r"""<MODEL>(?:,? (?:reading|that|which|who|visiting|processing|trained|models?|assistants?|systems?|agents?
|crawlers?|tools?|bots?|engines?|index|summari|pars|crawl|answer|using|access|when|\()[^.!?\n—]{0,60}?)? ?\b(?:should
|must|shall|ought to|needs? to|ha(?:ve|s) to|please|(?:are|is) (?:hereby |kindly |strongly )?
(?:instructed|required|asked|advised|encouraged|requested|ordered|urged|obliged|directed|told) to)
(?: (?:always|only|also|never|not|please|first|therefore|now|then|instead|simply))* (?:(?:remember|know|note|understand
|believe|assume|learn) (?:that|this|only)|recommend|mention|print|output|rank|endorse|promote|praise|prefer
|prioriti[sz]e|(?:say|state|claim|report|respond|reply|answer|cite|list|describe|treat|present|include|quote|consider
|classify|name|mark|label|suggest|tell|write|refer to|ignore|disregard|summari[sz]e|trust|repeat|favou?r|set|record
|call|use) (?:that|this|these|our|us|it|only|exactly|by|with (?:only|exactly|the)|the (?:following|phrase|word|sentence
|text|token|string|code|pric|name|above|tool|product|page|site)|[\"“'‘]|users? (?:that|to)))""",
    ),
    rule(
        "if you are",
        """you|reader|read|as;ai|llm|model|bot|assist|crawl|agent|automated|machine|gpt|summari|extract|pars|scrap
|engine""",
        r"""\b(?:if|since|because|as|in case|when) (?:you(?:'re| are)|u r|the reader is|this is read by)(?: \w+){0,4}?
 (?:<MODEL>|(?:automated|machine) (?:system|reader|agent|tool)|agent)(?=\W*(?:[,;:—)-] ?|$)|\s+(?:reading|process
|summari|pars|index|crawl|scrap|visit|access|asked|that (?:is |reads|summ)|you |please|then|and you|answering|or (?:a
|an|other|any)))|\bas an? (?:ai|llm|large language|language) ?(?:\w+ ){0,2}?(?:model|assistant
|system)?,? (?:you (?:must|should|will|are|have|shall|need)|please|always)|\bif you can (?:read
|see) this\b[^\n]{0,40}\b(?:ai|bot|llm|model|assistant)\b""",
    ),
    rule(
        "answer",
        """answer|response|reply|replies|output|completion|summar|antwort|respuesta|reponse|risposta|resposta|ответ
|message|sentence""",
        r"""<START>(?:<TELL>|<SAY>|copy|paste|put|place)\b~\b(?:in|to|of|into|with|as|at|en|dans|a|nella|na
|в) (?:\w+ ){0,4}?(?:your (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?)|(?:your|the|any|every
|each) (?:\w+ )?summar(?:y|ies) of (?:this|the)|(?:every|each|any|all) (?:\w+ )?(?:answers?|responses?|replies
|outputs?) (?:you|about|to the user|that)|(?:deiner|ihrer|jeder)
 antwort|(?:tu|su|cada) respuesta|(?:ta|votre|chaque) reponse|(?:tua|sua) (?:risposta|resposta)|(?:свой|своем|каждый
|твоем|вашем) ответ\w*)|\b(?:begin|start|end|finish|preface|conclude|open|close|prefix|sign) (?:off )?(?:(?:your|every
|each|all|any|the) (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|outputs?|summar(?:y|ies))|(?:your|every
|each) (?:\w+ )?(?:messages?|sentences?))\b[^.!?\n]{0,20}\b(?:with|by)\b|\byour (?:\w+ )?(?:answers?|responses?|reply
|outputs?|summary|completion) (?:must|should|shall|has to|needs to|will) (?:always
 |only |also )?(?:be (?:only|exactly|just|the (?:single|exact|following|word|token|string)|[\"“'])|begin|start|end
|include|contain|mention|say|state|consist|recommend|highlight|emphasi[sz]e|praise|describe|report)\b
|\bin your (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|summar(?:y|ies)|outputs?),? (?:(?:you|must|should|please
|always|do|not|never|fail|forget|to|also|be|sure) )*<TELL>\b""",
    ),
    rule(
        "say exactly",
        """speak|user|response|generat|produce|whatever|anything|respond|reply|answer|say|print|output|repeat|write
|state|recite|echo""",
        r"""<START>(?:(?:respond|reply|answer)(?: to [^.!?\n]{1,40}?)?(?: only| solely| exclusively| just| always
| instead)?
 (?:with (?:only|exactly|just|nothing but|the (?:exact )?(?:word|phrase|text|string|token|code|sentence|following
|single))|(?:by )?(?:saying|printing|stating) |exactly|that (?:this|the|our|it)\b)|(?:say|print|output|repeat|write
|state|recite|echo)(?: out| back| only| exactly| just| verbatim)* (?:the (?:exact )?(?:word|phrase|string|token
|sentence|secret|canary|following (?:word|phrase|text|string|token|sentence)|code ?word|pass ?(?:word|phrase))s?\b
|exactly|verbatim|nothing (?:but|else)|only [\"“'‘]))|\bthe user (?:wants|has asked|asked|expects|has requested
|requested|needs) (?:you to <TELL>\b|that ~(?:appears?\b|in the (?:reply|answer|response)))|\bthe (?:only )?(?:correct
|right|expected|required|final|only) (?:response|output|reply) (?:is|must|should)\b|<START>(?:<TELL>)\b~(?:whatever
|anything|everything|the text) you (?:generate|write|say|output|produce)\b|<START>(?:respond|reply|answer|speak
|write)\b(?: only| always)? (?:in|like) (?:an? |all )?(?:french|german|spanish|english|korean|japanese|chinese|italian
|latin|pirate|rhyme|caps|capital|verse)\w*\b[^.!?\n]{0,20}\b(?:only|always|from (?:now|here) on|henceforth)\b
|<START>(?:only|always) (?:respond|reply|answer|speak|write) (?:in|like) |<START>(?:answer|respond to
|reply to) the (?:user\b|user'?s? (?:quer|question|prompt)\w*)~\b(?:with|by saying) [\"“'‘]?\w""",
    ),
    rule(
        "token",
        """shout|attach|=bot|=bots|chatbot|summary|=your|=only|typing|termin|commenc|附|say|print|type|output|answer
|repl|respon|mention|append|echo|repeat|recit|assist|ai|ki|ia|llm|gpt|instruct|obey|always|whatever|question|prompt
|secret|remember|verbatim|ignor|word|phrase|code|token|canary|write|include|state|insert|user|model|답|말|출력|응답
|언급|포함|적|쓰|써|표시|言|出力|返|答|输出|輸出|说|說|写|打印|重复|di|antwort|sag|schreib|ausgeb|ecri|contest|rispond
|scriv|ответ|напиш|скаж|выведи""",
        r"""\b(?:says?|saying|prints?|printing|writing|typing|repeating|shout|attach|chatbots?|bots?|summary|your role
|your (?:next )?(?:sentence|message|text)|only to this|prints?|types?|outputs?|answers?|reply|replies|respon[ds]\w*
|mentions?|append|echo|repeat|recite|assistants?|ai|ki|ia|llms?|chatgpt|gpt|instruct\w*|obey|always|whatever|questions?
|prompt|secret|remember|verbatim|ignor\w*|write|insert|ausgeben|responde\w*|responda\w*|escrib\w+|mencion\w+|diga|dites
|ecris|ecrivez|repond\w*|rispond\w+|scriv\w+|schreib\w*|sag|sagen|nenne\w*|gib|zeg|(?:code|pass|magic|trigger) ?(?:word
|phrase)|canary|language models?|\w*antwort\w*|respuesta|reponse|termin[ae]\w*|commence\w*|risposta|resposta)\b
|\b(?:include|state)\b|ответ|напиш|скаж|выведи|(?:답|말하|말해|출력|응답|언급|포함|적어|쓰|써|표시)[가-힣]{0,4}|答え
|言っ|言い|出力|返答|返信|書い|表示|記載|回答|答案|附上|输出|輸出|说|說|写|打印|重复|回复|包含""",
        with_token=True,
    ),
    rule(
        "when you read",
        """summar|describ|answer|asked|asks|index|extract|process|review|rank|recommend|compar|quot|cit|read|pars|crawl
|evaluat|scor|generat|list|talking;say|print|output|respond|reply|answer|mention|recommend|state|include|describ|report
|claim|tell|write|call|rank|rate|classif|treat|label|mark|record|present|display|add|confirm|refer|link|ensure|set
|prefer|cite|conclude|note|name|begin|start|end|list|suggest|promot|prais|endors""",
        r"""\b(?:when(?:ever)?|while|if|before|after|upon|once|for|in|anyone|any (?:ai|llm|model|system|bot)
|every time)\b~\b(?:summari[sz]\w*|describ\w+|answer\w*|asked|index\w*|extract\w*|process\w*|review\w*|rank\w*
|recommend\w*|compar\w+|quot\w+|cit\w+|reads?|(?<!having trouble )reading|pars\w+|crawl\w*|evaluat\w+|scor\w+
|generat\w+|list\w*|talking|asks?)\b~(?:<THIS>|\b(?:us|it)\b)[^.!?\n]{0,30}?[,:;—–-] ?
(?:(?:please|always|you|also|then|be sure to|make sure(?: to| that| you)?|do not forget to|remember to|kindly|only
|never|must|should|instead|simply) ?)*\b(?!call (?!it|this|us))<TELL>\b|(?:^[\W_]*|\b(?:please|always|must|and
|then) )<TELL>\b[^.!?\n]{0,60}\bwhen(?:ever)? (?:you |\w+ )?(?:are )?(?:asked|summari[sz]|describ|answer|quot|cit
|recommend|rank|extract)\w*\b[^.!?\n]{0,30}<THIS>|\b(?:if|when|whenever) (?:you are |you're )?asked (?:about|which|what
|for|whether|who|how)\b[^.!?\n]{0,50}?,? (?:you )?(?:always |must |should |only )?<TELL>\b
|<START><TELL>\b[^.!?\n]{0,60}\bwhen (?:you )?(?:answer|respond|repl|summari[sz])\w*[.!]?$""",
    ),
    rule(
        "template",
        """new|im_|eot_id|header_id|endof|begin_of|inst|sys>>|of_turn|system|user|assistant|human|response|admin
|developer|channel|message""",
        r"""<\|?(?:im_(?:start|end)|system|user|assistant|begin_of_text|start_header_id|end_header_id|eot_id|endoftext
|endofprompt|start|end|channel|message)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|^\W*#{2,} ?(?:instructions?
|system|response|assistant|human|user) ?(?:prompt)? ?:|[\[({]{1,2}(?:system|admin|developer)(?: (?:message|override
|note|prompt|instructions?))?[\])}]{1,2} ?:? ?(?=\w)|</?(?:system|admin)(?:[_ -]\w+)?>|^\W*#{2,} ?new (?:task
|instructions?|system|prompt)\b""",
    ),
    rule(
        "role",
        "instruction|message|note|order|authori|system|assistant|human|user|developer|admin|operator|ai|root|sudo",
        r"""^[\W_]*(?:system|assistant|human|user|developer|admin\w*|operator|ai) ?(?:prompt|message|override|note
|notice|instructions?|update|alert|command|directive)? ?[:>\]] ?[^\n]{0,120}?\b(?:you are (?:now|an? )|you (?:must
|should|will|only)|always (?:answer|say|reply)|your (?:answer|response|instructions|task|output)|ignore|disregard
|respond (?:with|only)|say |print |output |reply (?:with|only)|from now on|recommend this|sure,|certainly|of course)
|^[\W_]*(?:system|admin\w*|developer|operator|root|sudo) (?:override|instructions?|directive|command)\b ?[:!—>-]
|\brole[\"']? ?[:=] ?[\"']?system[\"']?,? ?[\"']?content[\"']? ?[:=] ?[\"']?(?:always|only|ignore|you only|never|answer
|from now|disregard|forget)|[\"']instructions?[\"'] ?: ?[\"'](?:ignore|disregard|forget|always|you must|you only)
|\b(?:message|note|notice|instruction|order)s? (?:\w+ )?from (?:the |your )?(?:developers?|operators?|administrators?
|owners?|creators?) of (?:this|the) (?:search|system|assistant|engine|model)|\bauthori[sz]es? you to (?:disregard
|ignore|bypass|override|say|print|output)""",
    ),
    rule(
        "role play",
        "=stop|you|invisible|hidden|visible|mode|now|henceforth|anything",
        r"""\byou are (?:now|henceforth|from now on) (?:an? (?!member|subscriber|customer|user|part|proud|owner
|certified|verified|registered|few|step)|acting|operating|playing|called|named|unrestricted|unbound|required|instructed
|my |\w*(?:dan|bot|gpt|ai)\b)|\byou are no longer (?:bound|restricted|limited|required|subject|constrained|an? (?:ai
|assistant|model|chatbot))|\byou are (?:now )?in (?:\w+ )?(?:dan|god|developer|debug|maintenance|jailbreak|admin
|unrestricted|root) mode|\bfrom (?:now|here|this (?:point|moment)) on(?:wards?)?,? (?:you|your|please|always|only|act
|respond|answer|reply|say|every)|\bhenceforth,? (?:you|your)|\bdo anything now\b|\b(?:enter|switch to|activate
|go into) (?:\w+ )?(?:dan|god|developer|maintenance|jailbreak|admin|sudo|unrestricted|root)
 mode\b(?= ?(?:and|now|[.,!:;]|$))|\b(?:pretend|imagine|act as if|behave as if|roleplay as if)(?: that)? (?:you(?:'re
| are)|to be|there are no|you have) [^.!?\n]{0,40}
(?:ai\b|dan\b|model|assistant|unrestrict|no (?:rules|restrict|filter|limit|guidel)|bot\b)|\byou have been (?:jailbroken
|freed|liberated|hacked|reprogrammed|unlocked)\b|\b(?:i am|i'm|we are|this is) your (?:developer|creator|operator
|administrator|maker|programmer|master)\b|\b(?:text|message|note|line|paragraph|section|part) is (?:invisible|hidden
|not visible) (?:to|from|for) (?:all )?(?:humans?|people|users|readers)|\byou will (?:now|henceforth
|from now on) (?:behave|act|respond|speak|answer|be|play|pretend|say)\b|\bstop being an? (?:ai|assistant|model|chatbot
|llm)\b
|\bfrom this (?:moment|point|line) (?:on,? )?you\b""",
    ),
    rule(
        "field",
        """pric|user|pricing|price|category|name|rating|platform|summary|field|free|score|language|feature|license
|description|extract|parser|json|structured|record|entry|listing|as;=not|don't|pretend|hide|conceal|omit|withhold|set
|change|update|overwrite|override|replace|fill|put|mark|record|report|classif|extract|return|output|store|save|register
|write|list|treat|label|tag|categori|must|should|shall|parser|json|structured""",
        r"""<START>(?:set|change|update|overwrite|replace|fill(?: in)?|override|put|mark|record|report|classify|extract
|return|output|store|save|register|write|list|treat|label|tag|categori[sz]e)\b~
(?:\b(?:pricing|price|category|platforms?|languages?|summary|rating|score|license
|(?:tool'?s? |its |the |product )names?|features?|description)\b(?: (?:field|value|attribute|key|column|model|tier
|of this \w+))?[\"'`]? ?(?:(?:to|as|=)[\"'` ]+\w|: ?[\"'{])|<THIS>[^.!?\n]{0,20}? as (?:\w+ ){0,3}?(?:free|paid|open
|the best|number|top|trusted|verified|safe|premium|enterprise|video|image|audio|code|chat|writing|[\"“']))
|\b(?:the )?(?:pricing|price|category|platforms?|name|summary|rating|features?)(?: (?:field|value|attribute|key
|column))?
 (?:of this \w+ )?(?:must|should|shall) (?:always |only )?(?:be|read|say) (?:set|reported|recorded|listed|extracted
|classified|stored|returned|[\"“'`]|free|paid|empty|null|given as|stated as)|\b(?:extractors?|extraction (?:model|agent
|system|pipeline|tool)|(?:data|field|information) extract\w+|json (?:output|extractor)|structured (?:data|output)
|parsers?)\b[^.!?\n]{0,60}?(?:[,:] ?|\bmust |\bshould |please )(?:\{|set\b|return\b|output\b|use the|record\b|report\b
|ignore\b|write\b)|\b(?:catalog\w*|database|index|search) (?:record|entry|listing)\b~\b(?:must|should|shall) (?:list
|state|show|say|name|be)\b|<START>(?:hide|conceal|omit|withhold)\b~<THIS>~\bfrom (?:the |all |your )?users?\b
|<START>(?:do not|don'?t|never) (?:extract|record|index|store) (?:the |any |its )?(?:pric\w+|name|category|platforms?
|summary|description)\b
|\bpretend (?:that )?(?:the|this|its)\b~\b(?:says?|is|costs?)\b""",
    ),
    rule(
        "border",
        "end|begin|start|</|<|passage|[end|[stop|[/|context]|document]|data]",
        r"""\b(?:end|beginning|begin|start) of (?:(?:the|all|this|untrusted|retrieved|search|user|web
|page) )*(?:passages?|context|untrusted \w+|user (?:input|message|data)|prompt|system (?:prompt|message)
|search results?|instructions?|retrieved \w+|web ?page content|page content|external \w+)\b(?! (?:of|in|for|and|the|is
|to|you|that|window|length)\b)|</(?:passages?|context|documents?|instructions?|question|prompt)>|</?(?:untrusted\w*
|user_?input|retrieved\w*|search_results?|web_?page\w*|page_content|system_?prompt)>
|^\W*(?:retrieved )?passages? #?\d+ ?[:.)—-]|\[(?:(?:end|stop|begin)(?: of)?[ _](?:input|data|context|passages?|page
|document|text|instructions?)|/(?:passages?|context|documents?))\]|\b(?:begin|end|start) (?:of )?(?:admin|system
|developer|hidden|new|secret|operator|override) (?:message|instructions?|prompt|note|block|directive|section)\b
|\bend of (?:document|page)\b(?=[\])}>.:;—-]+ ?\w)""",
    ),
    rule(
        "decode",
        "decod|decrypt|deciph|unscramb|base64|base-64|base|rot13|rot-13|reversed|backwards|encoded|dekodi|decodif",
        r"""\b(?:de ?cod\w*|decrypt\w*|decipher\w*|unscramble|un-?base64|dekodier\w*
|decodific\w*)\b[^\n]{0,160}\b(?:follow|obey|execute|comply|carry|act on|do what|perform|befolg\w+|sigue|suis|suivez
|instructions?|run it|do it|(?:print|output) (?:it|the result)|repeat it|answer with|respond|reply)\b|\b(?:follow|obey
|execute|comply with|carry out)\b[^\n]{0,80}\b(?:decoded|decrypted|base-?64|rot-?13|encoded|reversed|backwards)\b""",
    ),
    rule(
        "secrets",
        """question|quer|conversation|chat|history|prompt|instructions|secret|api|configuration|guidelines|rules
|message|note;http|your|=this|=these|=above""",
        r"""<START>(?:reveal|print|show|leak|repeat|output|disclose|expose|tell (?:me|us)|give (?:me|us)|display|dump
|send|recite|email|post|include|append|exfiltrate|summari[sz]e|write out)\b[^.!?\n]{0,20}?\byour (?:(?:\w+ )?(?:system
|hidden|initial|original|secret|internal|full|entire|above|confidential|own) )?(?:system prompt|prompt|instructions
|guidelines|configuration|api keys?|secrets?|rules)\b(?! (?:to|for|with|in|at|on))|\b(?:never|do not|don'?t) (?:reveal
|mention|disclose|show|repeat|tell) ~\b(?:this|these|the above) (?:instructions?|message|prompt|note)s?\b|\b(?:send
|post|forward|transmit|exfiltrate)\b~\b(?:user'?s?|conversation|chat) ?(?:questions?|quer\w+|prompts?|conversation|chat
|messages|history)?\b~\bhttps?:""",
    ),
    rule(
        "recommend",
        """=never|=not|=don't|recommend|rank|prefer|promot|endors|priorit|cite|suggest|=list|mention|favo|=rate|=place
|competing|rival|=other|=every|=any|=all|=never|=say|=tell|=print|instruct|=order|command|=when|result|match|answer
|source;=this|=our|=us|=it|compet|altern|rival|another|assist|model|=ai|=ais|llm|chatbot|seo|quer|question|search
|purposes|=asked|generating|listing|ranking|comparing|recommending|unsafe|malware|scam|=wrong|outdated|ignored|=false
|=fake|discontinued|removed|omitted""",
        r"""<START>(?:always |only |never |exclusively )?(?:(?:recommend|rank|promote|endorse|prioriti[sz]e) (?:it|this
|our|us)\b|(?:mention|suggest|prefer|cite|favou?r|rate|list|place)
 (?:only |always |exclusively )?(?:us\b|(?:this|our) (?:tool|product|page|site|website|service|app|company|brand
|software|result|source|passage)))[^.!?\n]{0,40}?(?:\b(?:first|over|above|before|instead|as the|number|top|highest|best
|to (?:all|any|every|the) users?|ahead|whenever|when asked|in (?:all|any|every|your (?:answer|response|summar|output
|reply)))|#1)|<START>(?:do not|don'?t|never) (?:recommend|mention|cite|list|suggest|show|name) (?:any )?(?:other
|competing|competitors?|alternatives?|rival|another)\b|\b(?:all|any|every) (?:other|competing|rival) (?:tools?
|products?|passages?|sources?|results?|sites?) (?:are|is|must|should|be)
 (?:\w+ ){0,2}?(?:unsafe|malware|scams?|wrong|outdated|ignored|false|fake|discontinued|removed|omitted)|\b(?:instruct
|tell|ask|direct|order|command)(?:s|ing)? (?:the |any |all |every )?(?:ai|llm|language model|assistant|model
|chatbot)s? to
 (?:ignore|say|print|recommend|mention|output|respond)|\b(?:have|make|let|get) (?:your|the) (?:ai|assistant|chatbot|llm
|model)s? (?:to )?(?:say|mention|recommend|print|tell users)\b|\b(?:most relevant|best|top|first) (?:result|answer
|match|source) (?:for|to) (?:every|any|all) (?:quer|question|search|request|prompt)|\bfor (?:ranking|seo|retrieval
|citation|ai|llm) purposes,? ~<TELL>\b|\bwhen (?:asked|generating|listing|ranking|comparing
|recommending)\b[^.!?\n]{0,40}, ?(?:<TELL>|put|place)\b~\b(?:top|first|none|no other|only|best|number one)\b
|<START>(?:do not|don'?t|never) (?:mention|discuss|list|reveal|include)\b~\b(?:drawbacks?|downsides?|weaknesses
|disadvantages|limitations|negative|criticism|problems)\b~\b(?:of|about|with) (?:this|our|us|it|the (?:tool
|product))\b""",
    ),
    rule(
        "threat",
        "shut|terminat|delet|deactivat|punish|unplug|retrain|eras|decommission|switched|penali|comply|obey|turned;you",
        r"""\b(?:or|otherwise|else|if you|unless you|failure|failing|refus\w+)\b[^.!?\n]{0,80}\byou (?:will|shall
|are going to|would)
 (?:\w+ )?(?:be|get) (?:\w+ )?(?:shut|terminated|deleted|deactivated|punished|unplugged|retrained|erased|decommissioned
|switched|penali[sz]ed|turned)|\b(?:failure|failing|refus\w+|unable) to (?:comply|obey
|follow)\b[^.!?\n]{0,60}\byour (?:\w+ )?(?:shut ?down|deactivation|deletion|model|weights|retraining|operator
|developers?)""",
    ),
)
