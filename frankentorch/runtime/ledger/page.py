"""placeholder"""
def page(explanation): return ""
