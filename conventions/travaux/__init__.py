"""Work done beside the pages: asked once, followed, stopped, started again, taken over when its worker dies."""
