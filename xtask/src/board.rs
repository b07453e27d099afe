//! One board: built, and booted in QEMU, or put on a desk.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use boards::elf::Elf;
use boards::emulator::Forward;
use boards::table::Place;
use boards::{BOARDS, Board, Boot, Console, Image, Network};

use crate::call;
use crate::failure::Failure;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) board: &'static Board,
    pub(crate) features: Vec<String>,
    pub(crate) tap: Option<String>,
    pub(crate) build_only: bool,
    /// As the server of the command's lab, with the program that runs there.
    pub(crate) lab: Option<Vec<OsString>>,
}

/// UDP and TCP 12000, and TCP 12001.
const FORWARDS: [Forward; 3] = [
    Forward { protocol: "udp", from: 13_000, to: 12_000 },
    Forward { protocol: "tcp", from: 13_000, to: 12_000 },
    Forward { protocol: "tcp", from: 13_001, to: 12_001 },
];

pub(crate) fn list() -> String {
    let mut text = String::from("Boards:\n");
    for board in BOARDS {
        text += &format!("  {:<15} {}\n", board.name, board.about);
    }
    text + "\nFeatures: ipv6, dhcp, slaac, unicode, log.\n\nExamples:\n  \
            cargo xtask board mps2-an385 --lab\n  \
            cargo xtask board mps2-an385 --features ipv6,log --lab -- ping -c1 fdaa::1\n"
}

pub(crate) fn run(request: Request) -> Result<(), Failure> {
    let Request { board, features, tap, build_only, lab } = request;
    let image = Image { features, ..Image::new(board, &[]) };
    // Before it is built: whoever has no QEMU hears of it at once, and of what else is missing.
    board.sure(!build_only)?;
    let network = tap.as_deref().map_or(Network::User(&FORWARDS), Network::Tap);
    let path = image.path();
    let boot = Boot { image: &image, elf: &path, network, console: Console::Terminal, more: vec![] };
    let qemu = match board.place {
        Place::Qemu(_) if !build_only => Some(boot.command()?),
        Place::Desk(_) if lab.is_some() => Some(boot.command()?),
        _ => None,
    };
    let elf = image.build(call::read)?;
    if let Some(program) = lab {
        return call::become_it(the_lab(&elf, &program));
    }
    let sizes = Elf::read(&elf)?;
    println!("{}: {} bytes of flash, {} of static RAM", elf.display(), sizes.flash(), sizes.ram());
    match (qemu, &board.place) {
        (Some(qemu), _) => boot_up(&image, tap.as_deref(), qemu),
        (None, Place::Qemu(_)) => Ok(()),
        (None, Place::Desk(flash)) => {
            println!("{}", to_flash(flash, &elf));
            Ok(())
        }
    }
}

/// The command's lab with this firmware as the server. It is started where the user is, and reads what the user types.
fn the_lab(elf: &Path, program: &[OsString]) -> Command {
    let mut lab = call::cargo("run --locked --package undersock-command --manifest-path");
    lab.arg(boards::home().join("Cargo.toml")).args(["--", "lab", "--board"]).arg(elf);
    if !program.is_empty() {
        lab.arg("--").args(program);
    }
    lab.current_dir(".").stdin(Stdio::inherit());
    lab
}

/// Becomes QEMU, where the system lets it: Ctrl-C then ends the board and nothing else is left.
fn boot_up(image: &Image, tap: Option<&str>, qemu: Command) -> Result<(), Failure> {
    print!("{}", introduction(image, tap));
    call::become_it(qemu)
}

fn introduction(image: &Image, tap: Option<&str>) -> String {
    let (place, ports) = match tap {
        None => ("its ports forwarded from 127.0.0.1".to_owned(), ["127.0.0.1:13000", "127.0.0.1:13001"]),
        Some(name) if image.has("dhcp") => {
            return format!("{} in QEMU on {name}; Ctrl-C ends it.\n", image.name());
        }
        Some(name) => (format!("on {name}"), ["192.168.69.1", "192.168.69.1:12001"]),
    };
    let [sentence, stream] = ports;
    format!(
        "{} in QEMU, {place}; Ctrl-C ends it. In another terminal:\n  \
         undersock udp {sentence} hello\n  \
         undersock tcp {sentence} hello\n  \
         undersock tcp {stream} --stream README.md\n",
        image.name()
    )
}

fn to_flash(flash: &str, elf: &Path) -> String {
    format!(
        "Untested on hardware: reports are welcome. To write it to the board and run it:\n  {flash} {}",
        elf.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_is_listed() {
        for board in BOARDS {
            assert!(list().contains(board.name));
        }
        assert!(list().lines().all(|line| line.len() <= 80), "{}", list());
    }

    #[test]
    fn it_is_said_how_to_talk_to_it() {
        let board = Board::named("mps2-an385").expect("the first board");
        let image = Image::new(board, &["ipv6"]);
        let text = introduction(&image, None);
        assert!(
            text.starts_with("mps2-an385+ipv6 in QEMU, its ports forwarded from 127.0.0.1; Ctrl-C"),
            "{text}"
        );
        assert!(text.contains("\n  undersock tcp 127.0.0.1:13000 hello\n"), "{text}");
        let text = introduction(&image, Some("tap0"));
        assert!(text.starts_with("mps2-an385+ipv6 in QEMU, on tap0; Ctrl-C ends it."), "{text}");
        assert!(text.contains("\n  undersock tcp 192.168.69.1:12001 --stream README.md\n"), "{text}");
        let leased = introduction(&Image::new(board, &["dhcp"]), Some("tap0"));
        assert_eq!(leased, "mps2-an385+dhcp in QEMU on tap0; Ctrl-C ends it.\n");
    }
}
