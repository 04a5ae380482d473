"""What every part of the harness stands on.

Output: `wording`, `plan`, `progress`, `screen`, `timings`, `notify` and `redact`, by the words of vocabulary.txt.
Work: `once`, `parallel`, `waits` and `streams`. What stays and whose it is: `cache`, `owner`, `private`.
`arguments`: command lines; `interrupts`: signals that end one.
"""
