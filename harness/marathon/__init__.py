"""Everything about Marathon, from an app definition to the proof that it is live.

The definition: `definition`, `networking`, `mounts`, `schema`, `comparison`, the package `lint`, and `in_image`
for what only the image can say. The server: `client` on `connection`, `model`, `errors`, `refusals`, `events`. A
deploy: `preconditions` and `rolling` decide how, `deploy` does it, `lost_answer` asks again where an answer is
lost, `follow` looks, `watch` judges by `live_rule` and `deadline`, `probe` asks the instances and `reach` whether
they can be asked, `wayback` goes back. Across a schema step: `replacing`, `stopall`, `stopping`, and `claim`, by
which a stopped app is one run's alone. `interrupted` tells what goes on unwatched, `scratch` deploys aside,
`commands` is the command line, the package `standin` a Marathon of our own.
"""
