//! Telling the fields of one layer, one after the other: a field that isn't all there ends the telling.

use core::fmt;
use core::ops::Range;

use undersock::host::Mac;

use super::{Field, Value};
use undersock::packet::{Item, Layer, Part, Shape, Sum, Tlv, Wrong, ipv4_at, ipv6_at};

/// A field's name, in the RFC's words and in tshark's.
pub(super) type Name = (&'static str, &'static str);

/// Tells the fields of one layer. Places are bytes or bits counted from the layer's first.
pub(super) struct Tell<'s, 'a> {
    pub(super) part: Part<'a>,
    see: &'s mut dyn FnMut(&Field<'_>),
    rfc: &'static str,
    depth: u8,
    /// How far the bytes of the header have been told.
    told: usize,
    /// The bytes ended within a field.
    over: bool,
}

impl<'s, 'a> Tell<'s, 'a> {
    pub(super) fn new(part: &Part<'a>, see: &'s mut dyn FnMut(&Field<'_>)) -> Self {
        Tell { part: *part, see, rfc: "", depth: 0, told: 0, over: false }
    }

    /// The RFC of the fields that follow.
    pub(super) fn rfc(&mut self, rfc: &'static str) {
        self.rfc = rfc;
    }

    /// The fields that follow are parts of the last.
    pub(super) fn within(&mut self, tell: impl FnOnce(&mut Self)) {
        self.depth += 1;
        tell(self);
        self.depth -= 1;
    }

    /// A number in decimal.
    pub(super) fn decimal(&mut self, bytes: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        self.field(bits(&bytes), name, |part, bits| part.bits(bits).map(Value::Decimal), meaning);
    }

    /// A number in hexadecimal.
    pub(super) fn hex(&mut self, bytes: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        self.field(bits(&bytes), name, hex, meaning);
    }

    /// Some bits, as a decimal number.
    pub(super) fn bits(&mut self, bits: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        self.field(bits, name, |part, bits| part.bits(bits).map(Value::Decimal), meaning);
    }

    /// Some bits, as a hexadecimal number.
    pub(super) fn hex_bits(&mut self, bits: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        self.field(bits, name, hex, meaning);
    }

    /// One bit.
    pub(super) fn flag(&mut self, bit: usize, name: Name, meaning: &str) {
        self.field(
            bit..bit + 1,
            name,
            |part, bits| part.bits(bits).map(|bit| Value::Flag(bit != 0)),
            format_args!("{meaning}"),
        );
    }

    pub(super) fn mac(&mut self, at: usize, name: Name, meaning: fmt::Arguments<'_>) {
        self.field(
            bits(&(at..at + 6)),
            name,
            |part, _| Some(Value::Mac(Mac(*part.bytes().get(at..)?.first_chunk()?))),
            meaning,
        );
    }

    pub(super) fn ipv4(&mut self, at: usize, name: Name, meaning: fmt::Arguments<'_>) {
        let value = |part: &Part<'a>, _: &_| Some(Value::Ip(ipv4_at(part.bytes(), at)?.into()));
        self.field(bits(&(at..at + 4)), name, value, meaning);
    }

    pub(super) fn ipv6(&mut self, at: usize, name: Name, meaning: fmt::Arguments<'_>) {
        let value = |part: &Part<'a>, _: &_| Some(Value::Ip(ipv6_at(part.bytes(), at)?.into()));
        self.field(bits(&(at..at + 16)), name, value, meaning);
    }

    /// Bytes as they are. None are no field.
    pub(super) fn bytes(&mut self, bytes: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        if bytes.is_empty() {
            return;
        }
        let range = bytes.clone();
        let value = |part: &Part<'a>, _: &_| Some(Value::Bytes(part.bytes().get(range)?));
        self.field(bits(&bytes), name, value, meaning);
    }

    /// Bytes as text if they are, up to the first that is zero.
    pub(super) fn text(&mut self, bytes: Range<usize>, name: Name, meaning: fmt::Arguments<'_>) {
        if bytes.is_empty() {
            return;
        }
        let range = bytes.clone();
        let value = |part: &Part<'a>, _: &_| {
            let bytes = part.bytes().get(range)?;
            Some(text(bytes).map_or(Value::Bytes(bytes), Value::Text))
        };
        self.field(bits(&bytes), name, value, meaning);
    }

    /// A checksum.
    pub(super) fn checksum(&mut self, place: Range<usize>, name: Name) {
        let Some((sum, verdict)) = self.part.checksum() else {
            return self.hex(place, name, format_args!(""));
        };
        let wrong = matches!(verdict, Sum::Wrong { .. } | Sum::Forbidden);
        let value = |_: &Part<'a>, _: &_| Some(Value::Checksum(sum, verdict));
        self.told_as(bits(&place), name, value, wrong, format_args!("{verdict}"));
    }

    /// A number, with a complaint if there is one.
    pub(super) fn judged(
        &mut self,
        bytes: Range<usize>,
        name: Name,
        wrong: bool,
        meaning: fmt::Arguments<'_>,
    ) {
        let value = |part: &Part<'a>, bits: &Range<usize>| part.bits(bits).map(Value::Decimal);
        self.told_as(bits(&bytes), name, value, wrong, meaning);
    }

    /// Some bits, with a complaint if there is one.
    pub(super) fn judged_bits(
        &mut self,
        bits: Range<usize>,
        name: Name,
        wrong: bool,
        meaning: fmt::Arguments<'_>,
    ) {
        let value = |part: &Part<'a>, bits: &Range<usize>| part.bits(bits).map(Value::Decimal);
        self.told_as(bits, name, value, wrong, meaning);
    }

    /// The length byte of an option whose kind is at `at`. Whether its data can be read.
    pub(super) fn option_length(&mut self, item: &Item<'_>, at: usize, tshark: &'static str) -> bool {
        const NAME: &str = "Length";
        let place = at + 1..at + 2;
        let Some(length) = item.length else {
            if item.wrong.is_some() {
                self.complain(place.start..place.start, "Cut off", format_args!("its length is not there"));
            }
            return false;
        };
        match (item.wrong, self.part.options_at()) {
            (None, Some((_, Shape::Internet))) => {
                self.decimal(place, (NAME, tshark), format_args!("bytes, with kind and length"));
            }
            (None, Some((_, Shape::Discovery))) => {
                self.decimal(
                    place,
                    (NAME, tshark),
                    format_args!("{length} x 8 = {} bytes", 8 * u16::from(length)),
                );
            }
            (None, _) => self.decimal(place, (NAME, tshark), format_args!("bytes of data")),
            (Some(wrong), _) => {
                let why = match wrong {
                    Wrong::TooLong => "longer than what is left",
                    Wrong::TooShort | Wrong::NoLength => "too short: it counts itself",
                };
                self.judged(place, (NAME, tshark), true, format_args!("{why}"));
                self.bytes(
                    at + 2..at + item.size(),
                    ("Option Data", ""),
                    format_args!("what is there of it"),
                );
            }
        }
        item.wrong.is_none()
    }

    /// What is wrong with these bytes, or at this place if there are none.
    pub(super) fn complain(&mut self, bytes: Range<usize>, name: &'static str, meaning: fmt::Arguments<'_>) {
        let rest = bytes.start.min(self.part.bytes().len())..bytes.end.min(self.part.bytes().len());
        let value = match self.part.bytes().get(rest.clone()) {
            Some(bytes @ [_, ..]) => Value::Bytes(bytes),
            _ => Value::None,
        };
        self.tell(bits(&rest), (name, ""), value, true, meaning);
    }

    /// A field whose value `read` finds.
    fn field(
        &mut self,
        bits: Range<usize>,
        name: Name,
        read: impl FnOnce(&Part<'a>, &Range<usize>) -> Option<Value<'a>>,
        meaning: fmt::Arguments<'_>,
    ) {
        self.told_as(bits, name, read, false, meaning);
    }

    fn told_as(
        &mut self,
        bits: Range<usize>,
        name: Name,
        read: impl FnOnce(&Part<'a>, &Range<usize>) -> Option<Value<'a>>,
        complaint: bool,
        meaning: fmt::Arguments<'_>,
    ) {
        if self.over {
            return;
        }
        let header = match self.part.layer {
            Layer::Payload | Layer::Rest | Layer::Trailer => self.part.bytes().len(),
            _ => self.part.header,
        };
        let there = bits.end.div_ceil(8) <= header;
        match read(&self.part, &bits).filter(|_| there) {
            Some(value) => self.tell(bits, name, value, complaint, meaning),
            None => {
                self.over = true;
                let rest = self.told..header;
                self.complain(rest, "Cut off", format_args!("it ends before {} does", name.0));
            }
        }
    }

    fn tell(
        &mut self,
        bits: Range<usize>,
        (name, tshark): Name,
        value: Value<'_>,
        complaint: bool,
        meaning: fmt::Arguments<'_>,
    ) {
        self.told = self.told.max(bits.end.div_ceil(8));
        (self.see)(&Field {
            layer: self.part.layer,
            quoted: self.part.quoted,
            name,
            tshark: (!tshark.is_empty()).then_some(tshark),
            start: 8 * self.part.at + bits.start,
            bits: bits.len(),
            depth: self.depth,
            value,
            meaning,
            rfc: self.rfc,
            complaint,
        });
    }

    /// What is behind the last option in the header.
    pub(super) fn padding(&mut self, items: &Tlv<'_>, tshark: &'static str) {
        if !items.is_broken() {
            let (rest, end) = (items.rest().len(), self.part.header);
            self.bytes(
                end.saturating_sub(rest)..end,
                ("Padding", tshark),
                format_args!("behind the last option"),
            );
        }
    }

    /// The header's bytes that no field was told of.
    pub(super) fn finish(&mut self) {
        if !self.over && self.told < self.part.header {
            let rest = self.told..self.part.header;
            self.depth = 0;
            self.bytes(rest, ("Other Bytes", ""), format_args!("not read"));
        }
    }
}

fn bits(bytes: &Range<usize>) -> Range<usize> {
    8 * bytes.start..8 * bytes.end
}

fn hex<'a>(part: &Part<'a>, bits: &Range<usize>) -> Option<Value<'a>> {
    part.bits(bits).map(|number| Value::Hex(number, bits.len().div_ceil(4)))
}

/// Bytes that a person would call text: all of it UTF-8, and nothing but line ends and tabs beside what can be seen.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, zeros) = bytes.split_at_checked(end)?;
    let seen = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t');
    str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_empty() && text.chars().all(seen) && zeros.iter().all(|zero| *zero == 0))
}
