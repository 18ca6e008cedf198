"""Tables, plots and terminal lines: what people look at."""
