"""How well a tracker keeps the ids of things: MOTChallenge sequences, HOTA, CLEAR MOT and identity measures."""
