"""Work with Marathon, from an app definition to the proof that the app is live.

The definition: `definition`, `networking`, `mounts`, `schema`, `comparison`, `unsendable` values, the package
`lint`, and `in_image` for checks that need the image. The server: `client` on `connection`, `model`, `errors`,
`refusals`, `events`; `timed` limits answers as a whole. A deploy: `preconditions` and `rolling` (with
`image_switches`) decide how, `deploy` carries it out, `lost_answer` repeats a request whose answer was lost,
`follow` polls, `watch` judges by `live_rule` and `deadline`, `probe` requests the instances (by `answer`) and
`reach` tells whether they can be reached, `rollback` rolls back. Across a schema step: `replacing`, `stopall`,
`stopping` with `stop_proof`, `way_back`, and `claim`, which reserves a stopped app for one run. `interrupted`
reports what continues unwatched, `scratch` makes scratch deploys, `commands` is the command line, the package
`standin` a Marathon of the harness's own.
"""
