"""Everything about Marathon, from an app definition to the proof that it is live.

The definition: `definition`, `networking`, `schema`, `comparison`, the package `lint`, and `in_image` for what
only the image can say. The server: `client` on `connection`, `model`, `errors`, `refusals`, `events`. A deploy:
`preconditions` and `rolling` decide how, `deploy` does it, `follow` looks, `watch` judges by `live_rule` and
`deadline`, `probe` asks the instances, `wayback` goes back. Across a schema step: `replacing`, `stopall`,
`stopping`. `interrupted` tells what goes on unwatched, `scratch` deploys aside, `mounting` says what instances on
this machine are given, `commands` is the command line, the package `standin` a Marathon of our own.
"""
