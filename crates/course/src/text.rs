//! Paragraphs on a page.

/// Wraps paragraphs, which an empty line separates, to so many columns; every line but a paragraph's first begins
/// with `indent`. The words are ASCII, or nearly so: a character is a column.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut page = String::new();
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            page.push('\n');
        }
        let (mut line, mut columns) = (String::new(), 0);
        for word in words(paragraph) {
            let word = word.as_str();
            let length = word.chars().count();
            if columns > 0 && columns + 1 + length > width {
                page += &line;
                page.push('\n');
                (line, columns) = (indent.to_owned(), indent.chars().count());
                line += word;
                columns += length;
                continue;
            }
            if columns > 0 {
                line.push(' ');
                columns += 1;
            }
            line += word;
            columns += length;
        }
        page += &line;
        page.push('\n');
    }
    page
}

/// The words of a paragraph; a number and its unit are one.
fn words(paragraph: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        let is_unit = matches!(word.trim_end_matches([',', '.', ';', ':', ')']), "s" | "ms");
        match words.last_mut() {
            Some(number) if is_unit && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// An item of a list.
pub(super) fn item(text: &str, width: usize) -> String {
    wrap(&format!("- {text}"), width, "  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_stay_apart_and_lines_stay_short() {
        assert_eq!(wrap("one two\nthree\n\nfour", 7, ""), "one two\nthree\n\nfour\n");
        assert_eq!(wrap("unbreakable x", 5, ""), "unbreakable\nx\n");
        assert_eq!(item("one two three", 9), "- one two\n  three\n");
        assert_eq!(wrap("wait for 10 s, then go", 11, ""), "wait for\n10 s, then\ngo\n");
        assert_eq!(wrap("", 9, ""), "\n");
    }
}
