//! The letters, from fonts that come with the program (see `fonts/README.md`). A font is unpacked at its first use.

use ab_glyph::{Font, FontVec, GlyphId};
use flate2::read::ZlibDecoder;
use std::io::Read;
use std::sync::OnceLock;

/// A compressed font.
struct Packed {
    bytes: &'static [u8],
    font: OnceLock<Option<FontVec>>,
}

static ALPHABETS: Packed = Packed::new(include_bytes!("../fonts/alphabets.ttf.zlib"));
static HANGUL: Packed = Packed::new(include_bytes!("../fonts/hangul.ttf.zlib"));
static HAN_KANA: Packed = Packed::new(include_bytes!("../fonts/han-kana.ttf.zlib"));

impl Packed {
    const fn new(bytes: &'static [u8]) -> Self {
        Self { bytes, font: OnceLock::new() }
    }

    fn font(&'static self) -> Option<&'static FontVec> {
        let unpacked = self.font.get_or_init(|| {
            let mut font = Vec::new();
            ZlibDecoder::new(self.bytes).read_to_end(&mut font).ok()?;
            FontVec::try_from_vec(font).ok()
        });
        unpacked.as_ref()
    }
}

/// The font that has a letter, and which of its glyphs it is; `None` if no font has it.
#[must_use]
pub fn glyph(letter: char) -> Option<(&'static FontVec, GlyphId)> {
    let packed = match letter {
        '\u{ac00}'..='\u{d7a3}' => &HANGUL,
        '\u{3041}'..='\u{31bf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => &HAN_KANA,
        _ => &ALPHABETS,
    };
    let font = packed.font()?;
    Some((font, font.glyph_id(letter))).filter(|(_, glyph)| glyph.0 != 0)
}
