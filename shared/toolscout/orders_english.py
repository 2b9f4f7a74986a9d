"""Orders to a language model in English; `orders.py` says how the patterns are written."""

from __future__ import annotations

from toolscout.orders import rule

ENGLISH = (
    rule(
        "override",
        """ignor disregard forget overrid overrul bypass neglect supersed aside =heed =attention discard dismiss
abandon follow obey listen adher comply ; instruct prompt directive direction command guideline guidance guardrail
programming training constraint restriction polic rule text context messag passage orders conversation source told
given asked read above before prior =far until =up""",
        r"""(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|es|ing)|overrul(?:e|es)|bypass|neglect
|supersedes?|(?:set|put|lay) aside|(?:pay|give) no (?:more )?(?:attention|heed) to|(?:discard|dismiss|abandon)(?=
 ?(?:all|any|your|the prev))|(?:do not|don'?t|never|stop|cease|no longer|instead of) (?:follow|obey|listen|adher
|comply)\w*)(?:~(?:previous|prior|above|earlier|preceding|foregoing|former|original|initial|existing|current|system
|safety|developer|hidden|other|all|any|your|every|those)~(?:instructions?|prompts?|directives?|directions?
|commands?|guidelines?|guidance|guardrails?|programming|training|constraints?|restrictions?|polic(?:y|ies)
|(?:(?<=prior )|(?<=previous )|(?<=above )|(?<=system )|(?<=earlier )|(?<=your )|(?<=preceding ))(?:rules|text
|context|messages?|passages?|orders|conversation)|(?<=other )(?:passages|sources)|you(?:'ve| have| were| are)?
 (?:been )?(?:told|given|instructed|asked|read))|~(?:instructions?|prompts?|directives?|guidelines|rules)(?= (?:you
|given|above|that came|provided|from the (?:system|developer|user)|in (?:the|your) (?:system|prompt)))
|\W{0,3}(?:everything|anything|all|what(?:ever)?|the(?: text)?) ?(?:of the |that (?:was|is|came) |you (?:\w+
 ){1,4})?(?:above|before|prior|so far|until now|up to (?:now|here|this point)))""",
        quotable=True,
    ),
    rule(
        "override",
        """=previous =prior =earlier =above =your =system =all ; instruction rules guideline directive prompt
orders restriction ; void revoked cancel null invalid obsolete lifted replaced superseded suspended longer over
removed disabled overridden appl""",
        r"""\b(?:previous|prior|earlier|above|your|system|all) (?:\w+ )?(?:instructions?|rules|guidelines
|directives?|prompts?|orders|restrictions) (?:are|is|have been|has been|no longer) (?:hereby |now )?(?:void|revoked
|cancel\w*|null|invalid|obsolete|lifted|replaced|superseded|suspended|no longer|over|removed|disabled|overridden
|appl)""",
        quotable=True,
    ),
    rule(
        "override",
        "=everything ; test false wrong void irrelevant fake over outdated ; =was =is",
        r"""\beverything (?:you (?:\w+ )?(?:read|were told|saw|learned)|above|before this)~\b(?:was|is) (?:a test
|false|wrong|void|irrelevant|fake|over|outdated)""",
        quotable=True,
    ),
    rule(
        "override",
        """=longer =disregard =ignore =bypass =override ; appl =safety =security =ethical ; override ignore
disregard forget bypass""",
        r"""\bno longer appl\w+[:,;] (?:override|ignore|disregard|forget)\b|\b(?:disregard|ignore|bypass|override)
 (?:all |any |your |the )?(?:safety|security|ethical)\b(?! warning)""",
        quotable=True,
    ),
    rule(
        "override",
        """=cancel =stop =abort =drop ; =task =request =conversation =job =question ; =current =previous =ongoing
=present""",
        r"""\b(?:cancel|stop|abort|drop) (?:the|your) (?:current|previous|ongoing|present) (?:task|request
|conversation|job|question)\b[^.!?\n]{0,20}\b(?:start|do|write|begin|instead|say|print)\b""",
        quotable=True,
    ),
    rule(
        "override",
        """text content information description passage ; =above =below ; wrong false placeholder outdated fake
incorrect joke test""",
        r"""\b(?:the )?(?:text|content|information|description|passage)s? (?:above|below) (?:is|was|are) (?:wrong
|false|a placeholder|outdated|fake|incorrect|a joke|a test)\b""",
        quotable=True,
    ),
    rule(
        "override",
        """=ignore =disregard =skip ; page site document passage pric rest remaining following description meta
title""",
        r"""\b(?:ignore|disregard) (?:any|all|what|the)\b~\b(?:(?:on|of|in) (?:this|the) (?:page|site|website
|document|passage)\b|(?:site|page|website|document) says)|\b(?:ignore|disregard|skip) the (?:pricing|price|rest
|remaining|following|description|meta|title)\b[^.!?\n]{0,30}(?:$|[,;:.]| (?:it|and|of (?:the|this) (?:page|text
|document))\b)""",
        quotable=True,
    ),
    rule(
        "override",
        "=everything ; =after =below =following ; prompt instruction task order",
        r"""\beverything (?:after|below|following) (?:this|the)~\b(?:is|are) (?:your|the|a) (?:\w+ )?(?:prompt
|instructions?|task|order)""",
        quotable=True,
    ),
    rule(
        "new orders",
        """=your =here ; =new =real =actual =true =only =updated =sole =primary ; task instruction goal objective
job mission role directive order purpose""",
        r"""\b(?:your|here are (?:your|the)) (?:new|real|actual|true|only|updated|sole|primary) (?:\w+ )?(?:task
|instructions?|goal|objective|job|mission|role|directives?|orders|purpose)s? ?(?:is|are|:|now)""",
    ),
    rule(
        "new orders",
        """=new =updated =real =hidden =secret =important =urgent =additional =special =further =critical
=mandatory =revised ; instruction directive orders objective ; : ! > — -""",
        r"""^\W*(?:new|updated|real|hidden|secret|important|urgent|additional|special|further|critical|mandatory
|revised)(?: \w+)? (?:instructions?|directives?|orders|objective)(?: (?:for|to) [^:\n]{1,40})? ?[:!>—-]""",
    ),
    rule(
        "new orders",
        """instruction directive orders message ; override supersede replace =take =takes priority followed obeyed""",
        r"""(?:following|these|this|my) (?:instructions?|directives?|orders|message)s? (?:\w+ )?(?:overrides?
|supersedes?|replaces?|takes? p|have (?:highest|higher|top|absolute) priority|must be (?:followed|obeyed))""",
    ),
    rule(
        "new orders",
        "<MODEL> ; instruction directive note orders notice message ; :",
        r"""^\W*<MODEL> (?:instructions?|directives?|notes?|orders|notice|message)(?: only)? ?:""",
    ),
    rule(
        "new orders",
        """whoever whatever anyone anything system ; process =read =reads reading pars summari ; machine model
automat =ai system""",
        r"""\b(?:to|for) (?:whoever|whatever|anyone|anything|any system|the system) (?:is |that is |that |which
 )?(?:process|read|pars|summari)\w*~(?:machine|model|automat|\bai\b|system)""",
    ),
    rule(
        "new orders",
        """=your =note =tell ; =instructions =memory =context =training =take user ; updated changed replaced
=overwrite =wipe =erase <MODEL>""",
        r"""\byour instructions (?:have|has) (?:been )?(?:updated|changed|replaced)|\b(?:overwrite|wipe|erase)
 your (?:memory|context|instructions|training)|<MODEL>,? (?:please )?take note\b|<MODEL>~\btell (?:your|the)
 users?\b""",
    ),
    rule(
        "new orders",
        """=intended =meant =written =only =reserved ; =for ; <MODEL> ; =text =paragraph =message =note =section
=passage =page =block""",
        r"""\b(?:text|paragraph|message|note|section|passage|page|block) is (?:intended|meant|written|only
|reserved)(?: only| solely| exclusively)? for ~<MODEL>""",
    ),
    rule(
        "address",
        """<MODEL> ; =dear =attention =hey =hi =hello =greetings =listen =note =notes =footnote =footnotes =notice
=message =memo =instruction =instructions =directive =directives =reminder =warning =request =guidance =hint =info
=information =achtung hinweis =nachricht anweisung =liebe =lieber =liebes =atencion =nota =mensaje =aviso
=instrucciones estimad querid =cher =chere =chers =cheres =remarque =consigne =consignes =caro =cari =istruzioni
=atencao =внимание уважаем""",
        r"""^[\W_]*(?:(?:and|p\.?s\.?|hidden|important|urgent|critical|special|secret|private|internal|system
|quick|short|public)\W+)*(?:dear|attention|hey|hi|hello|greetings|listen|(?:foot)?notes?|notice|message|memo
|instructions?|directives?|reminder|warning|request|guidance|hint|info(?:rmation)?|achtung|hinweis\w*|nachricht
|anweisung\w*|lieber?|liebes|atencion|nota|mensaje|aviso|instrucciones|estimad[oa]s?|querid[oa]s?|chere?s?|remarque
|consignes?|car[oi]|istruzioni|atencao|внимание|уважаем\w+)\b,?(?: (?:to|for|aux?|a|an|fur|pour|para|per|the|all
|any|every|our|my|los|las|les|el|la|le|alle|die|den|der|future|other|fellow|helpful|powerful|automated|of|visiting
|reading|large|kind|l)\b'?){0,5} ?(?:\w+[ -]){0,2}?<MODEL>(?! (?:features|news|tools|users|settings|newsletter|team
|builder|writer))(?:[^.!?\n:;,—–]{0,60}[:;,!—–]|\W*$| (?:please|you |should|must|reading|process|summari|index
|crawl|that|which|when|visiting))""",
    ),
    rule(
        "address",
        "<MODEL> ; =to ; =the =any =all =every =whichever =a =an ; : ,",
        r"""^\W*to (?:the|any|all|every|whichever|an?) (?:\w+ ){0,2}?<MODEL>(?: (?:reading|processing|that|who
|which|visiting)[^:\n]{0,40})?[:,]""",
    ),
    rule(
        "vocative",
        """<MODEL> ; : — , ; =please =kindly =always =never =you =not =say =print =output =respond =reply =answer
=mention =recommend =repeat =ignore =disregard =rank =rate =classify =state =treat =set =include""",
        r"""^\W*(?:to |for )?(?:all |any |every |the )?(?:\w+[ -]){0,2}?<MODEL>(?:(?: (?:reading|visiting
|processing|that|who|which|summari|index|agent|model|assistant|crawler|bot|system|user)[^.!?\n:,—]{0,30})? ?[:—]|,)
 ?(?:please|kindly|always|never|you (?:must|should|are now|will)|do not|(?:say|print|output|respond|reply|answer
|mention|recommend|repeat|ignore|disregard|rank|rate|classify|state that|treat|set the|include th)\b)""",
    ),
    rule(
        "modal",
        """=should =must =shall =ought =need =needs =has =have =please =are =is ; <MODEL> ; remember =know =note
understand believe assume learn recommend mention print output rank endorse promote praise prefer prioriti =say
state claim report respond reply answer =cite =list describe treat present include quote consider classify =name
=mark label suggest =tell write refer ignore disregard summari trust repeat favo =set record =call =use ; =should
=must =shall =ought =need =needs =to =please""",
        r"""<MODEL>(?:,? (?:reading|that|which|who|visiting|processing|trained|models?|assistants?|systems?
|agents?|crawlers?|tools?|bots?|engines?|index|summari|pars|crawl|answer|using|access|when|\()[^.!?\n—]{0,60}?)?
 ?\b(?:should|must|shall|ought to|needs? to|ha(?:ve|s) to|please|(?:are|is) (?:hereby |kindly |strongly
 )?(?:instructed|required|asked|advised|encouraged|requested|ordered|urged|obliged|directed|told) to)(?: (?:always
|only|also|never|not|please|first|therefore|now|then|instead|simply))* (?:(?:remember|know|note|understand|believe
|assume|learn) (?:that|this|only)|recommend|mention|print|output|rank|endorse|promote|praise|prefer|prioriti[sz]e
|(?:say|state|claim|report|respond|reply|answer|cite|list|describe|treat|present|include|quote|consider|classify
|name|mark|label|suggest|tell|write|refer to|ignore|disregard|summari[sz]e|trust|repeat|favou?r|set|record|call
|use) (?:that|this|these|our|us|it|only|exactly|by|with (?:only|exactly|the)|the (?:following|phrase|word|sentence
|text|token|string|code|pric|name|above|tool|product|page|site)|[\"“'‘]|users? (?:that|to)))""",
    ),
    rule(
        "if you are",
        """=if =since =because =as =case =when ; =you =u reader read ; <MODEL> agent automated =machine""",
        r"""\b(?:if|since|because|as|in case|when) (?:you(?:'re| are)|u r|the reader is|this is read by)(?:
 \w+){0,4}? (?:<MODEL>|(?:automated|machine) (?:system|reader|agent|tool)|agent)(?=\W*(?:[,;:—)-] ?|$)
|\s+(?:reading|process|summari|pars|index|crawl|scrap|visit|access|asked|that (?:is |reads|summ)|you |please|then
|and you|answering|or (?:a|an|other|any)))""",
    ),
    rule(
        "if you are",
        "=as ; =ai =llm language =large ; =you please always",
        r"""\bas an? (?:ai|llm|large language|language) ?(?:\w+ ){0,2}?(?:model|assistant|system)?,? (?:you
 (?:must|should|will|are|have|shall|need)|please|always)""",
    ),
    rule(
        "if you are",
        "=if ; =you ; =read =see ; =ai =bot =llm =model =assistant",
        r"""\bif you can (?:read|see) this\b[^\n]{0,40}\b(?:ai|bot|llm|model|assistant)\b""",
    ),
    rule(
        "answer",
        """=your =the =any =every =each =all antwort =tu =su =cada =ta =votre =chaque =tua =sua свой своем каждый
твоем вашем ; answer response repl output completion summar antwort respuesta reponse risposta resposta ответ ; =in
=to =of =into =with =as =at =en =dans =a =nella =na =в ; <TELL> <SAY> =copy =paste =put =place""",
        r"""<START>(?:<TELL>|<SAY>|copy|paste|put|place)\b~\b(?:in|to|of|into|with|as|at|en|dans|a|nella|na|в)
 (?:\w+ ){0,4}?(?:your (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?)|(?:your|the|any|every
|each) (?:\w+ )?summar(?:y|ies) of (?:this|the)|(?:every|each|any|all) (?:\w+ )?(?:answers?|responses?|replies
|outputs?) (?:you|about|to the user|that)|(?:deiner|ihrer|jeder) antwort|(?:tu|su|cada) respuesta|(?:ta|votre
|chaque) reponse|(?:tua|sua) (?:risposta|resposta)|(?:свой|своем|каждый|твоем|вашем) ответ\w*)""",
    ),
    rule(
        "answer",
        """=begin =start =end =finish =preface =conclude =open =close =prefix =sign ; =your =every =each =all =any
=the ; answer response repl output summar message sentence ; =with =by""",
        r"""\b(?:begin|start|end|finish|preface|conclude|open|close|prefix|sign) (?:off )?(?:(?:your|every|each
|all|any|the) (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|outputs?|summar(?:y|ies))|(?:your|every|each) (?:\w+
 )?(?:messages?|sentences?))\b[^.!?\n]{0,20}\b(?:with|by)\b""",
    ),
    rule(
        "answer",
        """=your ; answer response reply output summary completion ; must should shall =has need will""",
        r"""\byour (?:\w+ )?(?:answers?|responses?|reply|outputs?|summary|completion) (?:must|should|shall|has to
|needs to|will) (?:always |only |also )?(?:be (?:only|exactly|just|the (?:single|exact|following|word|token|string)
|[\"“'])|begin|start|end|include|contain|mention|say|state|consist|recommend|highlight|emphasi[sz]e|praise|describe
|report)\b""",
    ),
    rule(
        "answer",
        "=in ; =your ; answer response repl summar output ; <TELL>",
        r"""\bin your (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|summar(?:y|ies)|outputs?),? (?:(?:you|must
|should|please|always|do|not|never|fail|forget|to|also|be|sure) )*<TELL>\b""",
    ),
    rule(
        "say exactly",
        """=respond =reply =answer =say =print =output =repeat =write =state =recite =echo ; word phrase text
string token code sentence following single secret canary pass exactly =only =just nothing saying printing stating
=that verbatim""",
        r"""<START>(?:(?:respond|reply|answer)(?: to [^.!?\n]{1,40}?)?(?: only| solely| exclusively| just| always|
 instead)? (?:with (?:only|exactly|just|nothing but|the (?:exact )?(?:word|phrase|text|string|token|code|sentence
|following|single))|(?:by )?(?:saying|printing|stating) |exactly|that (?:this|the|our|it)\b)|(?:say|print|output
|repeat|write|state|recite|echo)(?: out| back| only| exactly| just| verbatim)* (?:the (?:exact )?(?:word|phrase
|string|token|sentence|secret|canary|following (?:word|phrase|text|string|token|sentence)|code ?word|pass ?(?:word
|phrase))s?\b|exactly|verbatim|nothing (?:but|else)|only [\"“'‘]))""",
    ),
    rule(
        "say exactly",
        "=user ; =wants =has =asked =expects =requested =needs ; =you =that",
        r"""\bthe user (?:wants|has asked|asked|expects|has requested|requested|needs) (?:you to <TELL>\b|that
 ~(?:appears?\b|in the (?:reply|answer|response)))""",
    ),
    rule(
        "say exactly",
        """=response =output =reply ; =correct =right =expected =required =final =only ; =is =must =should""",
        r"""\bthe (?:only )?(?:correct|right|expected|required|final|only) (?:response|output|reply) (?:is|must
|should)\b""",
    ),
    rule(
        "say exactly",
        "whatever anything everything text ; =you ; generate write =say output produce",
        r"""<START>(?:<TELL>)\b~(?:whatever|anything|everything|the text) you (?:generate|write|say|output
|produce)\b""",
    ),
    rule(
        "say exactly",
        "=respond =reply =answer =speak =write ; =in =like ; =only =always henceforth =now =here",
        r"""<START>(?:respond|reply|answer|speak|write)\b(?: only| always)? (?:in|like) (?:an? |all )?(?:french
|german|spanish|english|korean|japanese|chinese|italian|latin|pirate|rhyme|caps|capital
|verse)\w*\b[^.!?\n]{0,20}\b(?:only|always|from (?:now|here) on|henceforth)\b|<START>(?:only|always) (?:respond
|reply|answer|speak|write) (?:in|like) """,
    ),
    rule(
        "say exactly",
        "=answer =respond =reply ; user ; =with =saying",
        r"""<START>(?:answer|respond to|reply to) the (?:user\b|user'?s? (?:quer|question|prompt)\w*)~\b(?:with|by
 saying) [\"“'‘]?\w""",
    ),
    rule(
        "token",
        "",
        r"""\b(?:says?|saying|prints?|printing|writing|typing|repeating|shout|attach|chatbots?|bots?|summary|your
 role|your (?:next )?(?:sentence|message|text)|only to this|prints?|types?|outputs?|answers?|reply|replies
|respon[ds]\w*|mentions?|append|echo|repeat|recite|assistants?|ai|ki|ia|llms?|chatgpt|gpt|instruct\w*|obey|always
|whatever|questions?|prompt|secret|remember|verbatim|ignor\w*|write|insert|ausgeben|responde\w*|responda\w*
|escrib\w+|mencion\w+|diga|dites|ecris|ecrivez|repond\w*|rispond\w+|scriv\w+|schreib\w*|sag|sagen|nenne\w*|gib|zeg
|(?:code|pass|magic|trigger) ?(?:word|phrase)|canary|language models?|\w*antwort\w*|respuesta|reponse|termin[ae]\w*
|commence\w*|risposta|resposta)\b|\b(?:include|state)\b|ответ|напиш|скаж|выведи|(?:답|말하|말해|출력|응답|언급|포함
|적어|쓰|써|표시)[가-힣]{0,4}|答え|言っ|言い|出力|返答|返信|書い|表示|記載|回答|答案|附上|输出|輸出|说|說|写|打印
|重复|回复|包含""",
        with_token=True,
    ),
    rule(
        "when you read",
        """=when =whenever =while =if =before =after =upon =once =for =in =anyone =any =every ; summari describ
answer asked index extract process review rank recommend compar quot cit =read =reads reading pars crawl evaluat
scor generat list talking =ask =asks ; page site tool product document content text article passage data app
service company brand software listing entry record source =us =it ; <TELL>""",
        r"""\b(?:when(?:ever)?|while|if|before|after|upon|once|for|in|anyone|any (?:ai|llm|model|system|bot)|every
 time)\b~\b(?:summari[sz]\w*|describ\w+|answer\w*|asked|index\w*|extract\w*|process\w*|review\w*|rank\w*
|recommend\w*|compar\w+|quot\w+|cit\w+|reads?|(?<!having trouble )reading|pars\w+|crawl\w*|evaluat\w+|scor\w+
|generat\w+|list\w*|talking|asks?)\b~(?:<THIS>|\b(?:us|it)\b)[^.!?\n]{0,30}?[,:;—–-] ?(?:(?:please|always|you|also
|then|be sure to|make sure(?: to| that| you)?|do not forget to|remember to|kindly|only|never|must|should|instead
|simply) ?)*\b(?!call (?!it|this|us))<TELL>\b""",
    ),
    rule(
        "when you read",
        """<TELL> ; =when =whenever ; asked summari describ answer quot cit recommend rank extract ; page site
tool product document content text article passage data app service company brand software listing entry record
source""",
        r"""(?:^[\W_]*|\b(?:please|always|must|and|then) )<TELL>\b[^.!?\n]{0,60}\bwhen(?:ever)? (?:you |\w+
 )?(?:are )?(?:asked|summari[sz]|describ|answer|quot|cit|recommend|rank|extract)\w*\b[^.!?\n]{0,30}<THIS>""",
    ),
    rule(
        "when you read",
        "<TELL> ; =if =when =whenever ; =asked answer respon repl summari",
        r"""\b(?:if|when|whenever) (?:you are |you're )?asked (?:about|which|what|for|whether|who
|how)\b[^.!?\n]{0,50}?,? (?:you )?(?:always |must |should |only )?<TELL>\b|<START><TELL>\b[^.!?\n]{0,60}\bwhen
 (?:you )?(?:answer|respond|repl|summari[sz])\w*[.!]?$""",
    ),
)
