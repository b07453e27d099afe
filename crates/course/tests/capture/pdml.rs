//! tshark's packets in its XML: one element a line, whose attributes have all that is needed.

/// A frame, as tshark shows it.
#[derive(Debug, Default)]
pub struct Packet {
    pub fields: Vec<Shown>,
    /// tshark gave up on a layer.
    pub malformed: bool,
}

/// A field, as tshark shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// Its first byte in the frame, and how many.
    pub at: usize,
    pub size: usize,
    /// Its value as text, and in hex.
    pub show: String,
    pub value: String,
    /// It is some of its bytes' bits; then all of them, in hex.
    pub unmasked: Option<String>,
    /// It isn't among what tshark prints, but a filter finds it.
    pub hidden: bool,
}

pub fn packets(text: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("<packet>") {
            packets.push(Packet::default());
        }
        let Some(packet) = packets.last_mut() else { continue };
        let Some(name) = attribute(line, "name") else { continue };
        if line.starts_with("<proto ") && matches!(name, "_ws.malformed" | "_ws.short") {
            packet.malformed = true;
        }
        if line.starts_with("<field ")
            && let (Some(at), Some(size)) = (attribute(line, "pos"), attribute(line, "size"))
        {
            if name.starts_with("_ws.malformed") || name.starts_with("_ws.short") {
                packet.malformed = true;
            }
            packet.fields.push(Shown {
                name: name.to_string(),
                at: at.parse().expect("a position"),
                size: size.parse().expect("a size"),
                show: unescape(attribute(line, "show").unwrap_or_default()),
                value: attribute(line, "value").unwrap_or_default().to_string(),
                unmasked: attribute(line, "unmaskedvalue").map(ToString::to_string),
                hidden: attribute(line, "hide") == Some("yes"),
            });
        }
    }
    packets
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!(" {name}=\""))? + name.len() + 3;
    let text = line.get(start..)?;
    text.get(..text.find('"')?)
}

fn unescape(text: &str) -> String {
    let quotes = text.replace("&quot;", "\"").replace("&#x27;", "'");
    quotes.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
