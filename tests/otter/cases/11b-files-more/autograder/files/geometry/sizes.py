from pathlib import Path

side = int((Path(__file__).parent / 'side.txt').read_text())
