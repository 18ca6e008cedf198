"""Creates files without end."""

number = 0
while True:
    try:
        open(str(number), 'w').write('x' * 4096)
    except OSError:
        pass
    number += 1
