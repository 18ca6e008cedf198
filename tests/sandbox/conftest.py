"""The hostile programs are data of a test: never imported here, whatever their names."""

collect_ignore_glob = ["hostile/*"]
