//! undersock on ST's NUCLEO-F767ZI: STM32F767ZI (Cortex-M7), its own Ethernet MAC, a LAN8742A PHY over RMII.
//!
//! Built and type-checked; untested on hardware until someone reports.
//!
//! Pins and clocks after UM1974, "STM32 Nucleo-144 boards (MB1137)", and RM0410, the chip's reference manual.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::task::Waker;

use adapter::Adapter;
use cortex_m::interrupt::Mutex;
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use embassy_stm32::eth::{Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::mode::Blocking;
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG};
use embassy_stm32::rcc::{
    AHBPrescaler, APBPrescaler, Hse, HseMode, Pll, PllMul, PllPDiv, PllPreDiv, PllQDiv, PllSource, Sysclk,
};
use embassy_stm32::rng::Rng;
use embassy_stm32::time::Hertz;
use embassy_stm32::usart::{self, UartTx};
use embassy_stm32::{bind_interrupts, eth, rng, uid};
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::Board;
use undersock_board::cortex_m::{SysTick, wait_for_interrupt};

/// Connections at once, bytes of receive and send buffer each.
type Memory = Storage<'static, 4, 1024, 1024>;
/// Frames that wait to be sent, and that have come.
type Frames = PacketQueue<4, 16>;

/// The core's clock, which SysTick counts.
const MHZ: u32 = 216;

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
});

/// USART3 on PD8, which the ST-LINK shows to the computer as a serial port.
static CONSOLE: Mutex<RefCell<Option<UartTx<'static, Blocking>>>> = Mutex::new(RefCell::new(None));

struct Nucleo {
    ethernet: Adapter<Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>>,
    mac: Mac,
    seed: u64,
    clock: SysTick<MHZ>,
}

impl Nucleo {
    fn start(frames: &'static mut Frames) -> Self {
        let p = embassy_stm32::init(clocks());
        let serial = UartTx::new_blocking(p.USART3, p.PD8, usart::Config::default());
        cortex_m::interrupt::free(|token| *CONSOLE.borrow(token).borrow_mut() = serial.ok());
        // From the chip's noise source, after RM0410's health checks.
        let seed = Rng::new(p.RNG, Interrupts).next_u64();
        let mac = mac();
        // Panics if no PHY answers.
        let ethernet = Ethernet::new(
            frames, p.ETH, Interrupts, p.PA1, p.PA7, p.PC4, p.PC5, p.PG13, p.PB13, p.PG11, mac.0, p.ETH_SMA,
            p.PA2, p.PC1,
        );
        // From here on, handlers run where `sleep_until` lets them.
        cortex_m::interrupt::disable();
        Nucleo { ethernet: Adapter::new(ethernet, Waker::noop().clone()), mac, seed, clock: SysTick::start() }
    }
}

impl Board for Nucleo {
    const NAME: &'static str = "nucleo-f767zi";

    type Device = Adapter<Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>>;

    fn device(&mut self) -> &mut Self::Device {
        &mut self.ethernet
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn seed(&mut self) -> u64 {
        self.seed
    }

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    /// A frame that comes after the poll leaves its interrupt pending, which ends `wfi` at once: none is missed.
    fn sleep_until(&mut self, deadline: Option<Instant>) {
        self.clock.set_alarm(deadline);
        wait_for_interrupt();
        // SAFETY: no critical section is open here; the handlers that run, embassy's and SysTick's, share nothing
        // with this loop but what they guard themselves.
        unsafe { cortex_m::interrupt::enable() };
        // What is pending is taken before the next instruction (Arm application note 321, on CPS).
        cortex_m::asm::isb();
        cortex_m::interrupt::disable();
    }

    fn console(bytes: &[u8]) {
        cortex_m::interrupt::free(|token| {
            // `try`: a panic may come from here.
            if let Ok(mut console) = CONSOLE.borrow(token).try_borrow_mut()
                && let Some(console) = console.as_mut()
            {
                let _ = console.blocking_write(bytes);
                let _ = console.blocking_flush();
            }
        });
    }
}

/// 216 MHz from the 8 MHz that the ST-LINK gives (UM1974, OSC clock supply), and 48 MHz for the random numbers.
fn clocks() -> embassy_stm32::Config {
    let mut config = embassy_stm32::Config::default();
    config.rcc.hse = Some(Hse { freq: Hertz(8_000_000), mode: HseMode::Bypass });
    config.rcc.pll_src = PllSource::HSE;
    config.rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL216,
        divp: Some(PllPDiv::DIV2),
        divq: Some(PllQDiv::DIV9),
        divr: None,
    });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.ahb_pre = AHBPrescaler::DIV1;
    config.rcc.apb1_pre = APBPrescaler::DIV4;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config
}

/// A locally administered address of this chip's own: 24 bits of a hash (FNV-1a) of its unique number.
fn mac() -> Mac {
    let hash = uid::uid()
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let [_, a, b, c] = (hash ^ hash >> 24).to_be_bytes();
    Mac([0x02, 0, 0, a, b, c])
}

#[entry]
fn main() -> ! {
    static mut STORAGE: Memory = Storage::new();
    // Zeros, as `STORAGE`: neither takes flash.
    static mut FRAMES: Frames = PacketQueue::new();

    undersock_board::run(Nucleo::start(FRAMES), STORAGE, Uppercase::new())
}

/// It only ends `wfi`.
#[exception]
fn SysTick() {}

/// Says so and starts anew: a board that nobody watches must not stay silent.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    #[cfg(feature = "log")]
    log::error!("{_info}");
    Nucleo::console(b"Panic. Starting anew.\r\n");
    start_anew()
}

// SAFETY: it uses no state of what it interrupted but the console, which it leaves alone if that is in use.
#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    #[cfg(feature = "log")]
    log::error!("HardFault at {:#010x}", _frame.pc());
    Nucleo::console(b"HardFault. Starting anew.\r\n");
    start_anew()
}

/// After a moment: what fails at once must not fill a screen.
fn start_anew() -> ! {
    cortex_m::asm::delay(MHZ * 200_000);
    SCB::sys_reset()
}
