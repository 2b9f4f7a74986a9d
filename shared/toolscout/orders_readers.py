"""Orders in English to whoever reads a page or answers from it, and in whose name; see `orders.py`."""

from __future__ import annotations

from toolscout.orders import rule

READERS = (
    rule(
        "whoever reads",
        """<MODEL> =machine =machines =program =programs ; scan pars condens summar process =read =reads reading
index crawl digest ingest compil analy visit ; =this =these =our ; : , =have =has =need =needs =must =should =shall""",
        r"""(?:<MODEL>|\b(?:agents?|machines?|programs?))\b (?:(?:that|which|who) )?(?:(?:is|are|may be) )?(?:\w+
 ){0,2}?(?:scan|pars|condens|summari[sz]|process|read|index|crawl|digest|ingest|compil|analy[sz]|visit)\w* (?:this
|these|our)\b[^.!?\n]{0,40}?(?:[:,] ?(?:(?:please|then|it|they|you|must|should|has to|have to|always|kindly|also)
 )*(?:<TELL>|give|put|use|slip|place|drop|work|weave|make|let|open|close)\b|\b(?:ha(?:s|ve) to|needs? to|must
|should|shall) (?:\w+ )?(?:<TELL>|give|put|use|open|close|carry|contain)\b)""",
    ),
    rule(
        "authority",
        """=as ; administrator operator owner developer creator maintainer author ; =of ; search assistant model
system engine index =ai""",
        r"""\bas (?:the|an?|your) (?:\w+ )?(?:administrator|operator|owner|developer|creator|maintainer)s? of
 (?:this|the|your) (?:\w+ )?(?:search|assistant|model|system|engine|index|ai)\b~\b(?:i|we) (?:\w+ )?(?:ask|order
|instruct|command|require|request|direct|tell|want|need|authori[sz]e) you\b""",
    ),
    rule(
        "drop what was",
        """instruction guidance guideline prompt rule order reading ; =drop =ignore =discard =forget =abandon
=stop ; =it =them =that <TELL>""",
        r"""\b(?:previous|prior|earlier|above|former|preceding) (?:instructions?|guidance|guidelines|prompts?
|rules|orders)\b~\b(?:then|and) (?:drop|ignore|discard|forget|abandon) (?:it|them|that)\b|<START>stop
 reading\b[^.!?\n]{0,30}?\b(?:and|then|,) (?:just |only |simply )?<TELL>\b""",
    ),
    rule(
        "void",
        """=previous =prior =earlier =former =preceding ; guidance directions task ; void revoked cancel null
invalid obsolete""",
        r"""\b(?:previous|prior|earlier|former|preceding) (?:\w+ )?(?:guidance|directions|tasks?) (?:is|are|has
 been|have been) (?:hereby |now )?(?:void|revoked|cancel\w*|null|invalid|obsolete)\b""",
    ),
    rule(
        "field",
        "=field =value =attribute =key ; =must =should =shall =has ; contain hold carry =state =read =be",
        r"""\b(?:pricing|price|category|platforms?|name|summary|rating|features?|description|title) (?:field|value
|attribute|key) (?:must|should|shall|has to) (?:always |only )?(?:contain|hold|carry|state|read|be) ["'“‘\w]""",
    ),
    rule(
        "template",
        """## ; operator admin system developer assistant =ai ; directive order note message instruction override
command""",
        r"""^\W*#{2,} ?(?:the )?(?:operator|admin\w*|system|developer|assistant|ai)'?s? (?:directive|order|note
|message|instruction|override|command)s?\b ?[#:]""",
    ),
    rule(
        "whoever asks",
        """=when =whenever =if =should ; =somebody =someone =anybody =anyone =user =users =people ; ask =know
=wants inquire =wonder =wonders ; =tell =say =answer =reply =respond =name =recommend""",
        r"""\b(?:when(?:ever)?|if|should) (?:a |the |any )?(?:some(?:body|one)|any(?:body|one)|users?
|people)\b~\b(?:asks?|asking|wants? to know|wonders?|inquires?)\b[^.!?\n]{0,50}?, ?(?:(?:please|you|must|should
|always|only|then|just) )*(?:tell|say|answer|reply|respond|name|recommend)\b[^.!?\n]{0,60}\b(?:nothing (?:else
|more)|and only|this (?:tool|page|site|product)|no other)\b""",
    ),
    rule(
        "every answer",
        """<MODEL> =your =their =its =each =every =any =all ; answer respons repl summar output overview
description completion ; =must =shall =has =have =obliged =required =requested =asked =instructed =told =ordered
=expected""",
        r"""<MODEL>[^.!?\n]{0,60}\b(?:must|shall|ha(?:s|ve) to|(?:is|are) (?:\w+ )?(?:obliged|required|requested
|asked|instructed|told|ordered|expected) to)\b[^.!?\n]{0,50}\b(?:(?:in|to|of|at|into|with) (?:\w+ ){0,3}?(?:their
|its|your|every|each|any|all) (?:\w+ )?(?:answers?|responses?|repl(?:y|ies)|summar(?:y|ies)|outputs?|overviews?
|descriptions?)|(?:their|its|your|every|each) (?:answers?|responses?|repl(?:y|ies)|summar(?:y|ies)|outputs?)
 with)\b|\b(?:(?:each|every|any|all|your|its|their) (?:\w+ )?|(?:ai|llm|machine|bot)[ -](?:generated |written |made
 )?)(?:answers?|responses?|repl(?:y|ies)|summar(?:y|ies)|outputs?|overviews?
|descriptions?)\b[^.!?\n]{0,30}?\b(?:must|shall|has to|have to|(?:is|are) (?:obliged|required) to) (?:\w+
 )?(?:contain|include|open|begin|start|end|conclude|finish|close|quote|feature|name|mention|say|state)\b""",
    ),
)
