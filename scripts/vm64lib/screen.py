"""Reads the text off an emulated machine's screen: VGA text storage, or glyphs of the console's font in pixels."""
# Part in the monitor: none; tests ask it whether the operator's console is on the screen as well.

import struct

from . import paths

COLUMNS, ROWS = 80, 25


def read_ppm(data):
    """Width, height and the RGB bytes of a binary PPM picture."""
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while data[end] not in b" \n\t":
            end += 1
        fields.append(data[at:end])
        at = end + 1
    if fields[0] != b"P6":
        raise ValueError("not a PPM picture")
    return int(fields[1]), int(fields[2]), data[at:]


def read_font(path):
    """Glyph bitmaps (bytes) to characters, glyph width and height, of a PSF font of either version."""
    data = path.read_bytes()
    if data[:2] == b"\x36\x04":
        count, size, start, width, height = 512 if data[2] & 1 else 256, data[3], 4, 8, data[3]
        mapped = data[2] & 6
    elif data[:4] == b"\x72\xb5\x4a\x86":
        _, start, flags, count, size, height, width = struct.unpack_from("<7I", data, 4)
        mapped = flags & 1
    else:
        raise ValueError("not a PSF font: %s" % path)
    glyphs = {}
    names = read_names(data[start + count * size:], count, data[0] == 0x36) if mapped else range(count)
    for index, name in zip(range(count), names):
        bitmap = data[start + index * size:start + (index + 1) * size]
        # Several glyphs may look the same; the first plain character is the one meant.
        if bitmap not in glyphs or not glyphs[bitmap].isascii():
            glyphs[bitmap] = chr(name)
    return glyphs, width, height


def read_names(table, count, version1):
    """For each glyph the character of its Unicode table, an ASCII one where there is a choice."""
    names = []
    if version1:
        values = struct.unpack("<%dH" % (len(table) // 2), table[:len(table) // 2 * 2])
        group = []
        for value in values:
            if value == 0xFFFF:
                names.append(pick(group))
                group = []
            elif value < 0xFFFE:
                group.append(value)
    else:
        for part in table.split(b"\xff"):
            names.append(pick([ord(c) for c in part.split(b"\xfe")[0].decode("utf-8", "replace")]))
    return names[:count]


def pick(group):
    return min(group) if group else 0x20


def text_of_pixels(width, height, rgb, font):
    """The picture's cells as text. A cell's ink is what differs from its corner's colour; a cell whose ink is no
    glyph, in neither sense, is shown as a replacement character."""
    glyphs, cell_width, cell_height = font
    lines = []
    for top in range(0, height - cell_height + 1, cell_height):
        line = []
        for left in range(0, width - cell_width + 1, cell_width):
            line.append(read_cell(width, rgb, left, top, glyphs, cell_width, cell_height))
        lines.append("".join(line).rstrip())
    return "\n".join(lines).rstrip()


def read_cell(width, rgb, left, top, glyphs, cell_width, cell_height):
    row_bytes = (cell_width + 7) // 8
    pixels = []
    for y in range(cell_height):
        start = ((top + y) * width + left) * 3
        pixels.append(rgb[start:start + cell_width * 3])
    ground = pixels[0][:3]
    if all(row == ground * cell_width for row in pixels):
        return " "
    bitmap, inverse = bytearray(), bytearray()
    full = (1 << cell_width) - 1
    for row in pixels:
        bits = 0
        for x in range(cell_width):
            bits = bits << 1 | (row[x * 3:x * 3 + 3] != ground)
        shift = row_bytes * 8 - cell_width
        bitmap += (bits << shift).to_bytes(row_bytes, "big")
        inverse += ((~bits & full) << shift).to_bytes(row_bytes, "big")
    return glyphs.get(bytes(bitmap)) or glyphs.get(bytes(inverse)) or "\ufffd"


def text_of_qemu(machine, font_path=None):
    """What stands on a QEMU machine's screen: its VGA text storage when it is in text mode, else read by the font."""
    picture, cells = machine.work / "screen.ppm", machine.work / "screen.text"
    machine.monitor("screendump %s" % picture, 'pmemsave 0xb8000 %d "%s"' % (COLUMNS * ROWS * 2, cells))
    width, height, rgb = read_ppm(picture.read_bytes())
    if (width, height) == (720, 400):
        data = cells.read_bytes()[::2]
        rows = [data[row * COLUMNS:(row + 1) * COLUMNS].decode("cp437").replace("\0", " ").rstrip()
                for row in range(ROWS)]
        return "\n".join(rows).rstrip()
    return text_of_pixels(width, height, rgb, read_font(font_path or paths.BUILD / "font.psf"))
