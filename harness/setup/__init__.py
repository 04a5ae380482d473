"""What a bare machine needs before anything else can run."""
