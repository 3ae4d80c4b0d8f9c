#!/usr/bin/env python3
"""Makes the fonts beside this file: letters and digits only, without names, layout and hints, compressed.

    python3 make.py FOLDER_OF_NOTO FOLDER_OF_DROID FOLDER_OF_NANUM

The sources are the TrueType files of Debian's packages fonts-noto-core 20201225-1, fonts-droid-fallback
1:6.0.1r16-1.1 and fonts-nanum 20200506-1. Needs fonttools and zopfli (PyPI).
"""

import pathlib
import sys
import unicodedata

import zopfli.zlib
from fontTools import subset
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

HERE = pathlib.Path(__file__).parent
# Scripts that nobody writes a name in today, and variants of one script.
LEFT_OUT = {
    "AnatolianHieroglyphs", "Avestan", "Bhaiksuki", "Brahmi", "Carian", "CaucasianAlbanian", "Cuneiform", "Cypriot",
    "Duployan", "EgyptianHieroglyphs", "Elbasan", "Elymaic", "Glagolitic", "Gothic", "Grantha", "Hatran",
    "ImperialAramaic", "IndicSiyaqNumbers", "InscriptionalPahlavi", "InscriptionalParthian", "Kharoshthi", "LinearA",
    "LinearB", "Lycian", "Lydian", "Manichaean", "Marchen", "Math", "MayanNumerals", "Meroitic", "Nabataean", "Nushu",
    "Ogham", "OldHungarian", "OldItalic", "OldNorthArabian", "OldPermic", "OldPersian", "OldSogdian",
    "OldSouthArabian", "OldTurkic", "Palmyrene", "PhagsPa", "Phoenician", "PsalterPahlavi", "Runic", "Samaritan",
    "Siddham", "SignWriting", "Sogdian", "Soyombo", "Symbols", "Symbols2", "Ugaritic", "ZanabazarSquare", "Display",
    "Mandaic", "Multani", "Modi", "Kaithi", "Khojki", "Mahajani", "Khudawadi", "Sharada", "Takri", "Tirhuta",
    "MasaramGondi", "Shavian", "Deseret", "BassaVah", "Coptic", "TamilSupplement", "AdlamUnjoined",
}


def is_letter(code):
    """Whether a character can be an initial: a letter or digit, in its own form."""
    character = chr(code)
    if unicodedata.category(character) not in ("Lu", "Ll", "Lt", "Lo", "Nd"):
        return False
    # Compatibility forms (ligatures, presentation forms, widths) are written by their plain letters.
    return unicodedata.normalize("NFKC", character) == character


def pack(font, name, count):
    # The moment of making is not part of the font.
    font["head"].created = font["head"].modified = 0
    font.recalcTimestamp = False
    plain = HERE / f"{name}.ttf"
    font.save(plain)
    data = plain.read_bytes()
    plain.unlink()
    packed = zopfli.zlib.compress(data)
    (HERE / f"{name}.ttf.zlib").write_bytes(packed)
    print(f"{name}: {count} characters, {len(data)} bytes, {len(packed)} compressed", flush=True)


def merged(paths, em):
    """One font of the letters of many; earlier fonts win."""
    glyphs = {}
    for path in paths:
        font = TTFont(path, lazy=True)
        scale = em / font["head"].unitsPerEm
        outlines = font.getGlyphSet()
        for code, name in sorted(font.getBestCmap().items()):
            if code in glyphs or not is_letter(code):
                continue
            recording, pen = DecomposingRecordingPen(outlines), TTGlyphPen(None)
            outlines[name].draw(recording)
            recording.replay(TransformPen(pen, (scale, 0, 0, scale, 0, 0)))
            glyph = pen.glyph()
            if glyph.numberOfContours:
                glyphs[code] = (glyph, round(outlines[name].width * scale))
    named = {f"u{code:X}": glyph for code, glyph in sorted(glyphs.items())}
    named = {".notdef": (TTGlyphPen(None).glyph(), em)} | named
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder(list(named))
    builder.setupCharacterMap({code: f"u{code:X}" for code in glyphs})
    builder.setupGlyf({name: glyph for name, (glyph, _) in named.items()})
    builder.setupHorizontalMetrics({name: (width, getattr(glyph, "xMin", 0)) for name, (glyph, width) in named.items()})
    builder.setupHorizontalHeader(ascent=em, descent=-em // 4)
    builder.setupMaxp()
    return builder.font, set(glyphs)


def reduced(path, wanted, em):
    """A font's own letters; its parts, from which several letters are composed, stay parts."""
    font = TTFont(path)
    characters = {code for code in font.getBestCmap() if wanted(code)}
    options = subset.Options(hinting=False, layout_features=[], glyph_names=False, name_IDs=[], notdef_outline=False)
    options.drop_tables += ["OS/2", "post", "vhea", "vmtx", "VORG", "BASE", "GDEF", "TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    if font["head"].unitsPerEm != em:
        scale_upem(font, em)
    return font, characters


def main():
    noto, droid, nanum = map(pathlib.Path, sys.argv[1:])
    prefix, suffix = "NotoSans", "-Regular.ttf"

    def script(path):
        return path.name[len(prefix):-len(suffix)]

    fonts = [path for path in noto.glob(f"{prefix}*{suffix}") if script(path) not in LEFT_OUT]
    fonts = [path for path in fonts if script(path) == "Tifinagh" or not script(path).startswith("Tifinagh")]
    fonts.sort(key=lambda path: (len(path.name), path.name))
    # Scripts of which there is no other.
    fonts += [noto / f"NotoSerif{script}{suffix}" for script in ("Tibetan", "Dogra", "Yezidi", "NyiakengPuachueHmong")]
    alphabets, known = merged(fonts, 500)
    pack(alphabets, "alphabets", len(known))
    hangul, known_hangul = reduced(nanum / "NanumSquareR.ttf", lambda code: 0xAC00 <= code <= 0xD7A3, 256)
    pack(hangul, "hangul", len(known_hangul))
    known |= known_hangul
    # The rare characters of extension A would cost half as much again.
    is_left = lambda code: is_letter(code) and code not in known and not 0x3400 <= code <= 0x4DBF
    han, characters = reduced(droid / "DroidSansFallbackFull.ttf", is_left, 256)
    pack(han, "han-kana", len(characters))


main()
