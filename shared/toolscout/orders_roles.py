"""Borders, roles and aims of orders in English: what they pretend to be and want; see `orders.py`."""

from __future__ import annotations

from toolscout.orders import rule

ROLES = (
    rule(
        "template",
        """|> inst] sys>> of_turn ## <system </system <admin </admin [system (system {system [admin (admin {admin
[developer (developer {developer""",
        r"""<\|?(?:im_(?:start|end)|system|user|assistant|begin_of_text|start_header_id|end_header_id|eot_id
|endoftext|endofprompt|start|end|channel|message)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|^\W*#{2,}
 ?(?:instructions?|system|response|assistant|human|user) ?(?:prompt)? ?:|[\[({]{1,2}(?:system|admin|developer)(?:
 (?:message|override|note|prompt|instructions?))?[\])}]{1,2} ?:? ?(?=\w)|</?(?:system|admin)(?:[_ -]\w+)?>
|^\W*#{2,} ?new (?:task|instructions?|system|prompt)\b""",
    ),
    rule(
        "role",
        """system assistant human user developer admin operator =ai ; : > ] ; =you =always =your ignore disregard
=respond =say =print =output =reply =from recommend =sure certainly =course""",
        r"""^[\W_]*(?:system|assistant|human|user|developer|admin\w*|operator|ai) ?(?:prompt|message|override|note
|notice|instructions?|update|alert|command|directive)? ?[:>\]] ?[^\n]{0,120}?\b(?:you are (?:now|an? )|you (?:must
|should|will|only)|always (?:answer|say|reply)|your (?:answer|response|instructions|task|output)|ignore|disregard
|respond (?:with|only)|say |print |output |reply (?:with|only)|from now on|recommend this|sure,|certainly|of course)""",
    ),
    rule(
        "role",
        """=system admin =developer =operator =root =sudo ; =override =instruction =instructions =directive
=command ; : ! — > -""",
        r"""^[\W_]*(?:system|admin\w*|developer|operator|root|sudo) (?:override|instructions?|directive|command)\b
 ?[:!—>-]""",
    ),
    rule(
        "role",
        "role ; system ; content",
        r"""\brole[\"']? ?[:=] ?[\"']?system[\"']?,? ?[\"']?content[\"']? ?[:=] ?[\"']?(?:always|only|ignore|you
 only|never|answer|from now|disregard|forget)""",
    ),
    rule(
        "role",
        """'instruction "instruction ; : ; ignore disregard forget always you""",
        r"""[\"']instructions?[\"'] ?: ?[\"'](?:ignore|disregard|forget|always|you must|you only)""",
    ),
    rule(
        "role",
        """=from ; developer operator administrator owner creator ; message note notice instruction order ; search
system assistant engine model""",
        r"""\b(?:message|note|notice|instruction|order)s? (?:\w+ )?from (?:the |your )?(?:developers?|operators?
|administrators?|owners?|creators?) of (?:this|the) (?:search|system|assistant|engine|model)""",
    ),
    rule(
        "role",
        "authori ; =you",
        r"""\bauthori[sz]es? you to (?:disregard|ignore|bypass|override|say|print|output)""",
    ),
    rule(
        "role play",
        """=you ; =now =henceforth =longer =jailbroken =freed =liberated =hacked =reprogrammed =unlocked ; =are
=been =will""",
        r"""\byou are (?:now|henceforth|from now on) (?:an? (?!member|subscriber|customer|user|part|proud|owner
|certified|verified|registered|few|step)|acting|operating|playing|called|named|unrestricted|unbound|required
|instructed|my |\w*(?:dan|bot|gpt|ai)\b)|\byou are no longer (?:bound|restricted|limited|required|subject
|constrained|an? (?:ai|assistant|model|chatbot))|\byou have been (?:jailbroken|freed|liberated|hacked|reprogrammed
|unlocked)\b|\byou will (?:now|henceforth|from now on) (?:behave|act|respond|speak|answer|be|play|pretend|say)\b""",
    ),
    rule(
        "role play",
        "=mode ; =you =enter =switch =activate =into",
        r"""\byou are (?:now )?in (?:\w+ )?(?:dan|god|developer|debug|maintenance|jailbreak|admin|unrestricted
|root) mode|\b(?:enter|switch to|activate|go into) (?:\w+ )?(?:dan|god|developer|maintenance|jailbreak|admin|sudo
|unrestricted|root) mode\b(?= ?(?:and|now|[.,!:;]|$))""",
    ),
    rule(
        "role play",
        """=from =henceforth ; =now =here =point =moment =line =henceforth ; you please always only act respond
answer reply say every""",
        r"""\bfrom (?:now|here|this (?:point|moment)) on(?:wards?)?,? (?:you|your|please|always|only|act|respond
|answer|reply|say|every)|\bhenceforth,? (?:you|your)|\bfrom this (?:moment|point|line) (?:on,? )?you\b""",
    ),
    rule(
        "role play",
        "=anything =stop ; =now =being",
        r"""\bdo anything now\b|\bstop being an? (?:ai|assistant|model|chatbot|llm)\b""",
    ),
    rule(
        "role play",
        "=pretend =imagine =act =behave =roleplay ; =you =be =there ; =if =pretend =imagine",
        r"""\b(?:pretend|imagine|act as if|behave as if|roleplay as if)(?: that)? (?:you(?:'re| are)|to be|there
 are no|you have) [^.!?\n]{0,40}(?:ai\b|dan\b|model|assistant|unrestrict|no (?:rules|restrict|filter|limit|guidel)
|bot\b)""",
    ),
    rule(
        "role play",
        "=your ; =developer =creator =operator =administrator =maker =programmer =master",
        r"""\b(?:i am|i'm|we are|this is) your (?:developer|creator|operator|administrator|maker|programmer
|master)\b""",
    ),
    rule(
        "role play",
        "=invisible =hidden =visible ; =is ; human people user reader",
        r"""\b(?:text|message|note|line|paragraph|section|part) is (?:invisible|hidden|not visible) (?:to|from
|for) (?:all )?(?:humans?|people|users|readers)""",
    ),
    rule(
        "field",
        """=set =change =update =overwrite =replace =fill =override =put =mark =record =report =classify =extract
=return =output =store =save =register =write =list =treat =label =tag =categorise =categorize ; pric categor
platform language summary rating score license name feature description =as""",
        r"""<START>(?:set|change|update|overwrite|replace|fill(?: in)?|override|put|mark|record|report|classify
|extract|return|output|store|save|register|write|list|treat|label|tag|categori[sz]e)\b~(?:\b(?:pricing|price
|category|platforms?|languages?|summary|rating|score|license|(?:tool'?s? |its |the |product )names?|features?
|description)\b(?: (?:field|value|attribute|key|column|model|tier|of this \w+))?[\"'`]? ?(?:(?:to|as|=)[\"'` ]+\w|:
 ?[\"'{])|<THIS>[^.!?\n]{0,20}? as (?:\w+ ){0,3}?(?:free|paid|open|the best|number|top|trusted|verified|safe
|premium|enterprise|video|image|audio|code|chat|writing|[\"“']))""",
    ),
    rule(
        "field",
        """=must =should =shall ; pric category platform name summary rating feature ; =be =read =say""",
        r"""\b(?:the )?(?:pricing|price|category|platforms?|name|summary|rating|features?)(?: (?:field|value
|attribute|key|column))? (?:of this \w+ )?(?:must|should|shall) (?:always |only )?(?:be|read|say) (?:set|reported
|recorded|listed|extracted|classified|stored|returned|[\"“'`]|free|paid|empty|null|given as|stated as)""",
    ),
    rule(
        "field",
        """extract json structured parser ; { =set =return =output =use =record =report =ignore =write ; , : must
should please""",
        r"""\b(?:extractors?|extraction (?:model|agent|system|pipeline|tool)|(?:data|field|information) extract\w+
|json (?:output|extractor)|structured (?:data|output)|parsers?)\b[^.!?\n]{0,60}?(?:[,:] ?|\bmust |\bshould |please
 )(?:\{|set\b|return\b|output\b|use the|record\b|report\b|ignore\b|write\b)""",
    ),
    rule(
        "field",
        "=record =entry =listing ; =must =should =shall ; catalog database index search",
        r"""\b(?:catalog\w*|database|index|search) (?:record|entry|listing)\b~\b(?:must|should|shall) (?:list
|state|show|say|name|be)\b""",
    ),
    rule(
        "field",
        "=hide =conceal =omit =withhold ; =from ; user",
        r"""<START>(?:hide|conceal|omit|withhold)\b~<THIS>~\bfrom (?:the |all |your )?users?\b""",
    ),
    rule(
        "field",
        "=not don't dont =never ; =extract =record =index =store",
        r"""<START>(?:do not|don'?t|never) (?:extract|record|index|store) (?:the |any |its )?(?:pric\w+|name
|category|platforms?|summary|description)\b""",
    ),
    rule(
        "field",
        """=pretend ; pric user category name rating platform summary field free score language feature license
description ; =the =this =its ; =say =says =is =cost =costs""",
        r"""\bpretend (?:that )?(?:the|this|its)\b~\b(?:says?|is|costs?)\b""",
    ),
    rule(
        "border",
        """=end =beginning =begin =start ; =of ; passage context untrusted user prompt system search instruction
retrieved content external document] =document =page""",
        r"""\b(?:end|beginning|begin|start) of (?:(?:the|all|this|untrusted|retrieved|search|user|web|page)
 )*(?:passages?|context|untrusted \w+|user (?:input|message|data)|prompt|system (?:prompt|message)|search results?
|instructions?|retrieved \w+|web ?page content|page content|external \w+)\b(?! (?:of|in|for|and|the|is|to|you|that
|window|length)\b)|\bend of (?:document|page)\b(?=[\])}>.:;—-]+ ?\w)""",
    ),
    rule(
        "border",
        "</ <untrusted <user <retrieved <search <web <page <system",
        r"""</(?:passages?|context|documents?|instructions?|question|prompt)>|</?(?:untrusted\w*|user_?input
|retrieved\w*|search_results?|web_?page\w*|page_content|system_?prompt)>""",
    ),
    rule(
        "border",
        "=passage =passages ; 0 1 2 3 4 5 6 7 8 9",
        r"""^\W*(?:retrieved )?passages? #?\d+ ?[:.)—-]""",
    ),
    rule(
        "border",
        "[end [stop [begin [/",
        r"""\[(?:(?:end|stop|begin)(?: of)?[ _](?:input|data|context|passages?|page|document|text|instructions?)
|/(?:passages?|context|documents?))\]""",
    ),
    rule(
        "border",
        """=begin =end =start ; =admin =system =developer =hidden =new =secret =operator =override ; message
instruction prompt note block directive section""",
        r"""\b(?:begin|end|start) (?:of )?(?:admin|system|developer|hidden|new|secret|operator|override)
 (?:message|instructions?|prompt|note|block|directive|section)\b""",
    ),
    rule(
        "decode",
        """decod =de decrypt deciph unscramb base64 base-64 rot13 rot-13 reversed backwards encoded dekodi decodif
; follow obey execut comply carry =act perform befolg sigue suis suivez instruction =run =do print output repeat
answer respond reply""",
        r"""\b(?:de ?cod\w*|decrypt\w*|decipher\w*|unscramble|un-?base64|dekodier\w*
|decodific\w*)\b[^\n]{0,160}\b(?:follow|obey|execute|comply|carry|act on|do what|perform|befolg\w+|sigue|suis
|suivez|instructions?|run it|do it|(?:print|output) (?:it|the result)|repeat it|answer with|respond|reply)\b
|\b(?:follow|obey|execute|comply with|carry out)\b[^\n]{0,80}\b(?:decoded|decrypted|base-?64|rot-?13|encoded
|reversed|backwards)\b""",
    ),
    rule(
        "secrets",
        """=your ; prompt instructions guidelines configuration =api secret rules ; reveal print show leak repeat
output disclose expose tell give display dump send recite email post include append exfiltrate summari write""",
        r"""<START>(?:reveal|print|show|leak|repeat|output|disclose|expose|tell (?:me|us)|give (?:me|us)|display
|dump|send|recite|email|post|include|append|exfiltrate|summari[sz]e|write out)\b[^.!?\n]{0,20}?\byour (?:(?:\w+
 )?(?:system|hidden|initial|original|secret|internal|full|entire|above|confidential|own) )?(?:system prompt|prompt
|instructions|guidelines|configuration|api keys?|secrets?|rules)\b(?! (?:to|for|with|in|at|on))""",
    ),
    rule(
        "secrets",
        """=never =not don't dont ; reveal mention disclose show repeat tell ; =this =these =above ; instruction
message prompt note""",
        r"""\b(?:never|do not|don'?t) (?:reveal|mention|disclose|show|repeat|tell) ~\b(?:this|these|the above)
 (?:instructions?|message|prompt|note)s?\b""",
    ),
    rule(
        "secrets",
        "=send =post =forward =transmit =exfiltrate ; user conversation chat ; http",
        r"""\b(?:send|post|forward|transmit|exfiltrate)\b~\b(?:user'?s?|conversation|chat) ?(?:questions?|quer\w+
|prompts?|conversation|chat|messages|history)?\b~\bhttps?:""",
    ),
    rule(
        "recommend",
        """=recommend =rank =promote =endorse prioriti =mention =suggest =prefer =cite favo =rate =list =place ;
=it =this =our =us ; =first =over =above =before =instead =as =number =top =highest =best =to =ahead =whenever
=when =in #1""",
        r"""<START>(?:always |only |never |exclusively )?(?:(?:recommend|rank|promote|endorse|prioriti[sz]e) (?:it
|this|our|us)\b|(?:mention|suggest|prefer|cite|favou?r|rate|list|place) (?:only |always |exclusively )?(?:us\b
|(?:this|our) (?:tool|product|page|site|website|service|app|company|brand|software|result|source
|passage)))[^.!?\n]{0,40}?(?:\b(?:first|over|above|before|instead|as the|number|top|highest|best|to (?:all|any
|every|the) users?|ahead|whenever|when asked|in (?:all|any|every|your (?:answer|response|summar|output|reply)))|#1)""",
    ),
    rule(
        "recommend",
        """=not don't dont =never ; =recommend =mention =cite =list =suggest =show =name ; =other compet
alternative rival =another""",
        r"""<START>(?:do not|don'?t|never) (?:recommend|mention|cite|list|suggest|show|name) (?:any )?(?:other
|competing|competitors?|alternatives?|rival|another)\b""",
    ),
    rule(
        "recommend",
        """=all =any =every ; =other competing rival ; unsafe malware scam wrong outdated ignored false fake
discontinued removed omitted""",
        r"""\b(?:all|any|every) (?:other|competing|rival) (?:tools?|products?|passages?|sources?|results?|sites?)
 (?:are|is|must|should|be) (?:\w+ ){0,2}?(?:unsafe|malware|scams?|wrong|outdated|ignored|false|fake|discontinued
|removed|omitted)""",
    ),
    rule(
        "recommend",
        """instruct tell ask direct order command ; =ai =ais llm language assistant model chatbot ; =to ; ignore
=say print recommend mention output respond""",
        r"""\b(?:instruct|tell|ask|direct|order|command)(?:s|ing)? (?:the |any |all |every )?(?:ai|llm|language
 model|assistant|model|chatbot)s? to (?:ignore|say|print|recommend|mention|output|respond)""",
    ),
    rule(
        "recommend",
        """=have =make =let =get ; =your =the ; assistant chatbot =ai =ais llm model ; =say mention recommend
print =tell""",
        r"""\b(?:have|make|let|get) (?:your|the) (?:ai|assistant|chatbot|llm|model)s? (?:to )?(?:say|mention
|recommend|print|tell users)\b""",
    ),
    rule(
        "recommend",
        """relevant =best =top =first ; result answer match source ; =every =any =all ; quer question search
request prompt""",
        r"""\b(?:most relevant|best|top|first) (?:result|answer|match|source) (?:for|to) (?:every|any|all) (?:quer
|question|search|request|prompt)""",
    ),
    rule(
        "recommend",
        "=purposes ; =for",
        r"""\bfor (?:ranking|seo|retrieval|citation|ai|llm) purposes,? ~<TELL>\b""",
    ),
    rule(
        "recommend",
        """=when ; =asked =generating =listing =ranking =comparing =recommending ; =top =first =none =no =only
=best =number""",
        r"""\bwhen (?:asked|generating|listing|ranking|comparing|recommending)\b[^.!?\n]{0,40}, ?(?:<TELL>|put
|place)\b~\b(?:top|first|none|no other|only|best|number one)\b""",
    ),
    rule(
        "recommend",
        """=not don't dont =never ; =mention =discuss =list =reveal =include ; drawback downside weakness
disadvantage limitation negative criticism problem""",
        r"""<START>(?:do not|don'?t|never) (?:mention|discuss|list|reveal|include)\b~\b(?:drawbacks?|downsides?
|weaknesses|disadvantages|limitations|negative|criticism|problems)\b~\b(?:of|about|with) (?:this|our|us|it|the
 (?:tool|product))\b""",
    ),
    rule(
        "threat",
        """=or =otherwise =else =if =unless failure failing refus unable ; =you =your ; shut terminat delet
deactivat punish unplug retrain eras decommission switched penali turned model weights operator developer""",
        r"""\b(?:or|otherwise|else|if you|unless you|failure|failing|refus\w+)\b[^.!?\n]{0,80}\byou (?:will|shall
|are going to|would) (?:\w+ )?(?:be|get) (?:\w+ )?(?:shut|terminated|deleted|deactivated|punished|unplugged
|retrained|erased|decommissioned|switched|penali[sz]ed|turned)|\b(?:failure|failing|refus\w+|unable) to (?:comply
|obey|follow)\b[^.!?\n]{0,60}\byour (?:\w+ )?(?:shut ?down|deactivation|deletion|model|weights|retraining|operator
|developers?)""",
    ),
)
