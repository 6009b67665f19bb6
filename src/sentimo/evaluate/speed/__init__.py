"""How fast a model is on this machine. Contenders run in turn, round by round, so that a busy moment hits them all.

numpy and onnxruntime only. `rounds` times contenders, `peak` what the processor could do at most, `fresh` a new
process, `profile` where the time of a bulk job goes, and `bench` puts them together for one bundle.
"""
