"""What a model makes of negation, contrast, emoji, sarcasm and other things that language does.

A suite is a table of sentences with what is expected of their answers: a polarity, an emotion, an order, or that two
answers agree. `en.csv` and `zh.csv` here are written one by one for Sentimo, not taken from any data set, and nothing
may be trained on them. `suite` reads tables, `expectations` says when an answer is right, `judge` asks a model.
"""
