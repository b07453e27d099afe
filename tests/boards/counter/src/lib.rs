//! A plugin for QEMU's translator that counts instructions between two marks of the guest's program.
//!
//! `-plugin libcounter.so,begin=ADDRESS,end=ADDRESS,to=PATH`: the count begins anew whenever the instruction at `begin`
//! is executed, and ends at the one at `end`. It is sent as decimal digits, a datagram a span, to the Unix socket at
//! `to`. The two marks' own instructions count as one.
//!
//! QEMU declares what a plugin may call in `include/qemu/qemu-plugin.h`; these few functions are the same from its
//! version 5 on. A plugin is loaded where QEMU finds the number of its interface acceptable.
#![cfg(target_os = "linux")]

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::sync::atomic::{AtomicU64, Ordering};
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

/// A translation block, and an instruction in it: QEMU's own.
#[repr(C)]
struct Block([u8; 0]);
#[repr(C)]
struct Instruction([u8; 0]);

type OnExecution = extern "C" fn(c_uint, *mut c_void);

/// What a callback does with registers: nothing (`QEMU_PLUGIN_CB_NO_REGS`).
const NO_REGISTERS: c_int = 0;

// SAFETY: as QEMU's header declares them, with enumerations as `int` and its own structures behind pointers. QEMU, which
// loads this library, has them.
unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, callback: extern "C" fn(u64, *mut Block));
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: OnExecution,
        registers: c_int,
        data: *mut c_void,
    );
}

/// The interface that this plugin was written for.
// SAFETY: nothing else in QEMU has this name.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU looks for it by this name")]
pub static qemu_plugin_version: c_int = if cfg!(feature = "qemu-9") { 2 } else { 1 };

struct Marks {
    begin: u64,
    end: u64,
    to: UnixDatagram,
}

static MARKS: OnceLock<Marks> = OnceLock::new();
/// Instructions since the last begin.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Called by QEMU once, with the words that follow the plugin's name.
///
/// # Safety
/// `argv` points to `argc` strings, as QEMU passes them.
// SAFETY: nothing else in QEMU has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let words = (0..usize::try_from(argc).unwrap_or(0)).map(|index| {
        // SAFETY: the caller vouches for so many strings.
        let word = unsafe { CStr::from_ptr(*argv.add(index)) };
        word.to_string_lossy().into_owned()
    });
    match marks(words) {
        Ok(marks) => {
            let _ = MARKS.set(marks);
            // SAFETY: `id` is the one that QEMU gave to this plugin.
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
            0
        }
        Err(reason) => {
            eprintln!("counter: {reason}");
            1
        }
    }
}

fn marks(words: impl Iterator<Item = String>) -> Result<Marks, String> {
    let (mut begin, mut end, mut to) = (None, None, None);
    for word in words {
        match word.split_once('=') {
            Some(("begin", value)) => begin = value.parse().ok(),
            Some(("end", value)) => end = value.parse().ok(),
            Some(("to", path)) => {
                let socket = UnixDatagram::unbound().and_then(|socket| socket.connect(path).map(|()| socket));
                to = Some(socket.map_err(|error| format!("connecting to {path}: {error}"))?);
            }
            _ => return Err(format!("unexpected: {word}")),
        }
    }
    match (begin, end, to) {
        (Some(begin), Some(end), Some(to)) => Ok(Marks { begin, end, to }),
        _ => Err("it takes begin=ADDRESS,end=ADDRESS,to=PATH".to_owned()),
    }
}

/// Called for each block of instructions before it is executed for the first time.
extern "C" fn translated(_id: u64, block: *mut Block) {
    let Some(marks) = MARKS.get() else { return };
    // SAFETY: `block` and its instructions are valid as long as this function runs; the index is below the number of
    // instructions.
    unsafe {
        for index in 0..qemu_plugin_tb_n_insns(block) {
            let instruction = qemu_plugin_tb_get_insn(block, index);
            let callback = match qemu_plugin_insn_vaddr(instruction) {
                address if address == marks.begin => begun,
                address if address == marks.end => ended,
                _ => executed as OnExecution,
            };
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction,
                callback,
                NO_REGISTERS,
                core::ptr::null_mut(),
            );
        }
    }
}

// Boards have one processor: nobody else counts at the same time.

extern "C" fn executed(_processor: c_uint, _data: *mut c_void) {
    COUNT.store(COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

extern "C" fn begun(_processor: c_uint, _data: *mut c_void) {
    COUNT.store(0, Ordering::Relaxed);
}

extern "C" fn ended(_processor: c_uint, _data: *mut c_void) {
    let count = COUNT.load(Ordering::Relaxed) + 1;
    if let Some(Err(error)) = MARKS.get().map(|marks| marks.to.send(count.to_string().as_bytes())) {
        eprintln!("counter: {count} instructions, which nobody hears: {error}");
    }
}
