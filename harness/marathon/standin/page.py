"""PAGE"""

PAGE = "<html></html>"
