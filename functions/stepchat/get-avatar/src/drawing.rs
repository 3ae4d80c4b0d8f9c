//! The picture: initials in white on a colour that belongs to the name.

use crate::fonts;
use crate::initials::initials;
use ab_glyph::{Font, Glyph, OutlinedGlyph, PxScale, Rect, ScaleFont, point};
use ring::digest::{SHA256, digest};
use shared::store::files::FileKey;

/// Width and height in pixels, as in the original.
const SIDE: u16 = 512;
/// Height of a letter's em square.
const EM: f32 = 240.0;
/// The most pixels that the letters may take in each direction.
const ROOM: f32 = 340.0;
/// The day since which names are drawn like this; part of a picture's address. A change of the drawing needs another
/// day, since an existing picture is never replaced.
const EDITION: &str = "22-11-26";

/// Backgrounds on which white can be read: each has a contrast of 4.5 or more (WCAG 2.2, 1.4.3).
const COLOURS: [[u8; 3]; 32] = [
    [0xb7, 0x1c, 0x1c],
    [0xc6, 0x28, 0x28],
    [0xad, 0x14, 0x57],
    [0xc2, 0x18, 0x5b],
    [0x88, 0x0e, 0x4f],
    [0x6a, 0x1b, 0x9a],
    [0x7b, 0x1f, 0xa2],
    [0x4a, 0x14, 0x8c],
    [0x45, 0x27, 0xa0],
    [0x51, 0x2d, 0xa8],
    [0x31, 0x1b, 0x92],
    [0x28, 0x35, 0x93],
    [0x30, 0x3f, 0x9f],
    [0x1a, 0x23, 0x7e],
    [0x15, 0x65, 0xc0],
    [0x0d, 0x47, 0xa1],
    [0x02, 0x5a, 0x91],
    [0x01, 0x57, 0x9b],
    [0x00, 0x60, 0x64],
    [0x00, 0x6d, 0x77],
    [0x00, 0x69, 0x5c],
    [0x00, 0x4d, 0x40],
    [0x2e, 0x7d, 0x32],
    [0x1b, 0x5e, 0x20],
    [0x33, 0x69, 0x1e],
    [0x55, 0x6b, 0x2f],
    [0x6b, 0x5b, 0x00],
    [0x8a, 0x5a, 0x00],
    [0xa8, 0x43, 0x00],
    [0xbf, 0x36, 0x0c],
    [0x5d, 0x40, 0x37],
    [0x45, 0x5a, 0x64],
];

/// What is drawn for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    letters: Vec<char>,
    colour: [u8; 3],
}

/// The first eight bytes of a text's SHA-256.
fn number(text: &str) -> u64 {
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

impl Avatar {
    /// The initials and the colour of a name; `None` if nothing of it can be drawn.
    #[must_use]
    pub fn of(first: &str, last: &str) -> Option<Self> {
        let letters = initials(first, last, |letter| fonts::glyph(letter).is_some());
        let place = usize::try_from(number(&format!("{first}\0{last}")) % 32).ok()?;
        let colour = *COLOURS.get(place)?;
        (!letters.is_empty()).then_some(Self { letters, colour })
    }

    /// The picture's key, from which its address is made. It follows from what the picture shows.
    #[must_use]
    pub fn key(&self) -> Option<FileKey> {
        let [red, green, blue] = self.colour;
        let letters: String = self.letters.iter().collect();
        FileKey::picture(EDITION, number(&format!("{EDITION}\0{letters}\0{red:02x}{green:02x}{blue:02x}")))
    }

    /// The PNG.
    #[must_use]
    pub fn draw(&self) -> Option<Vec<u8>> {
        let mut cover = vec![0_u8; usize::from(SIDE) * usize::from(SIDE)];
        for outline in self.placed()? {
            ink(&outline, &mut cover);
        }
        self.encode(&cover)
    }

    /// The letters side by side, in the middle of the picture.
    fn placed(&self) -> Option<Vec<OutlinedGlyph>> {
        let box_of = |outlines: &[OutlinedGlyph]| outlines.iter().map(OutlinedGlyph::px_bounds).reduce(union);
        let whole = box_of(&self.outlined(EM, 0.0, 0.0))?;
        let size = EM * (ROOM / whole.width().max(whole.height())).min(1.0);
        let ink = box_of(&self.outlined(size, 0.0, 0.0))?;
        let middle = f32::from(SIDE) / 2.0;
        let (left, top) = (f32::midpoint(ink.min.x, ink.max.x), f32::midpoint(ink.min.y, ink.max.y));
        Some(self.outlined(size, middle - left, middle - top))
    }

    fn outlined(&self, size: f32, left: f32, base: f32) -> Vec<OutlinedGlyph> {
        let mut pen = left;
        let mut outlines = Vec::with_capacity(self.letters.len());
        for (font, id) in self.letters.iter().filter_map(|letter| fonts::glyph(*letter)) {
            // A scale is the height of a line, which differs between fonts. This one gives each font the same em.
            let Some(units) = font.units_per_em() else { continue };
            let scale = PxScale::from(size * font.height_unscaled() / units);
            let glyph = Glyph { id, scale, position: point(pen, base) };
            pen += font.as_scaled(scale).h_advance(id);
            outlines.extend(font.outline_glyph(glyph));
        }
        outlines
    }

    /// Every shade between the colour and white is one entry of the palette.
    fn encode(&self, cover: &[u8]) -> Option<Vec<u8>> {
        let shade = |cover: u8| {
            self.colour.map(|part| {
                let rest = u16::from(u8::MAX - part) * u16::from(cover) / u16::from(u8::MAX);
                part.saturating_add(u8::try_from(rest).unwrap_or(u8::MAX))
            })
        };
        let palette: Vec<u8> = (0..=u8::MAX).flat_map(shade).collect();
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, u32::from(SIDE), u32::from(SIDE));
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(cover).ok()?;
        writer.finish().ok()?;
        Some(picture)
    }
}

fn union(left: Rect, right: Rect) -> Rect {
    Rect {
        min: point(left.min.x.min(right.min.x), left.min.y.min(right.min.y)),
        max: point(left.max.x.max(right.max.x), left.max.y.max(right.max.y)),
    }
}

/// Adds a letter's coverage.
fn ink(outline: &OutlinedGlyph, cover: &mut [u8]) {
    let bounds = outline.px_bounds();
    let side = usize::from(SIDE);
    outline.draw(|x, y, share| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole pixels near the picture")]
        let (column, row) = (
            (bounds.min.x.max(0.0) as usize).saturating_add(x as usize),
            (bounds.min.y.max(0.0) as usize).saturating_add(y as usize),
        );
        let pixel = row.saturating_mul(side).saturating_add(column);
        if column < side
            && let Some(pixel) = cover.get_mut(pixel)
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
            let share = (share.clamp(0.0, 1.0) * 255.0) as u8;
            *pixel = pixel.saturating_add(share);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: [u8; 3]) -> f64 {
        let linear = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn white_can_be_read_on_every_colour() {
        for colour in COLOURS {
            let contrast = 1.05 / (luminance(colour) + 0.05);
            assert!(contrast >= 4.5, "{colour:02x?}: {contrast}");
        }
        let distinct: std::collections::BTreeSet<_> = COLOURS.iter().collect();
        assert_eq!(distinct.len(), COLOURS.len());
    }

    #[test]
    fn the_same_name_is_the_same_picture_at_the_same_address() {
        let ivan = Avatar::of("Ivan", "Petrov").unwrap();
        assert_eq!(Avatar::of("Ivan", "Petrov").as_ref(), Some(&ivan));
        assert_eq!(ivan.draw(), ivan.draw());
        let other = Avatar::of("Olga", "Petrova").unwrap();
        assert_ne!(other.key(), ivan.key());
        assert_ne!(other.draw(), ivan.draw());
    }
}
