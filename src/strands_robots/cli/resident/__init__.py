"""A process of the graph that runs commands of the same machine at once: it has imported, joined the graph and found everything already.

`strands-robots` asks it where it may (`ask`), and does everything itself where there is none: it is never needed.
"""
