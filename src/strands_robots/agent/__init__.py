"""The graph as the hands of a language agent: tools made from interface files, under one policy."""
