"""Questions asked of an upgraded site: one module a question, each returning a Report."""
