"""What a bare machine needs before anything else can run: `engine` installs one for containers."""
