"""Provide helpers that every other package of the harness uses.

Output: `wording`, `plan`, `progress`, `screen`, `timings`, `notify`, and `redact` with its word list
vocabulary.txt.
Execution: `once`, `parallel`, `waits` and `streams`. Kept data and its ownership: `cache`, `owner`, `private`.
`arguments`: command lines; `interrupts`: signals that end the process.
"""
