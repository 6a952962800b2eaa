"""The veraPDF engine, started from the tests (set up by `make verapdf`)."""
