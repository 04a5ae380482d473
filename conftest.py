"""Load the harness's pytest plugins, one per stage."""

pytest_plugins = (
    "fixtures.options",
    "fixtures.session",
    "fixtures.longest",
    "fixtures.unchanged",
    "fixtures.measured",
    "fixtures.proven",
    "fixtures.engine",
    "fixtures.engine_proxy",
    "fixtures.databases",
    "fixtures.rt",
    "fixtures.pairs",
    "fixtures.outcome",
    "fixtures.tally",
    "fixtures.stage",
    "fixtures.killing",
    "fixtures.tiny_image",
    "fixtures.standin",
)
