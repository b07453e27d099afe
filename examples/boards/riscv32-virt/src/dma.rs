//! The memory that virtqueues live in, and addresses as the device sees them.
#![allow(unsafe_code, reason = "memory that is shared with a device")]

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Each of the two queues takes two pages: what the driver writes, and what the device writes. By virtio 1.1 less would
/// do; a legacy device knows of a queue by the number of its first page (2.6.2, 4.2.4).
const PAGES: usize = 4;

#[repr(C, align(4096))]
struct Pages(UnsafeCell<[[u8; PAGE_SIZE]; PAGES]>);

// SAFETY: only the pointer to it is shared. `Machine::dma_alloc` hands each page out once.
unsafe impl Sync for Pages {}

static POOL: Pages = Pages(UnsafeCell::new([[0; PAGE_SIZE]; PAGES]));
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A machine without address translation: what the processor calls an address, the device calls so too. And without
/// caches that a device doesn't see.
pub(crate) struct Machine;

// SAFETY: each function says how it keeps to the trait's rules.
unsafe impl Hal for Machine {
    // Zeros, because the pool is static and its pages are handed out once; aligned, because it is and they are whole
    // pages; valid for ever. An address of 0 says that there are no more.
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = TAKEN.fetch_add(pages, Ordering::Relaxed);
        if first + pages > PAGES {
            return (0, NonNull::dangling());
        }
        let pool = NonNull::from(&POOL.0).cast::<u8>();
        // SAFETY: these pages are inside the pool, by the comparison above.
        let page = unsafe { pool.add(first * PAGE_SIZE) };
        (address(page), page)
    }

    // Nothing is given back: a queue lives as long as the program.
    unsafe fn dma_dealloc(_address: PhysAddr, _page: NonNull<u8>, _pages: usize) -> i32 {
        0
    }

    // For PCI alone, which isn't in use.
    unsafe fn mmio_phys_to_virt(_address: PhysAddr, _size: usize) -> NonNull<u8> {
        unreachable!("virtio-mmio has no BARs")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        address(buffer.cast())
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

/// As the device sees it. Exposed: the device will write there, behind the compiler's back.
fn address(pointer: NonNull<u8>) -> PhysAddr {
    pointer.as_ptr().expose_provenance() as PhysAddr
}
