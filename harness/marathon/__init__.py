"""Everything about Marathon: app definition, lint, client, health, gate, and the local stand-in."""
