def replay(path): pass
