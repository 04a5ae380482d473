"""The example of docs/add-a-check.md: `parentage` the check, `question` what it needs, `mutants` what it finds."""
