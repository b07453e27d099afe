//! undersock on WIZnet's W5500-EVB-Pico: RP2040 (Cortex-M0+), and a W5500 on SPI0.
//!
//! Built and type-checked, its driver tested against a model of the chip; untested on hardware until someone reports.
//!
//! Pins after the board's schematic; other numbers of sections are the "RP2040 Datasheet"'s.
#![no_std]
#![no_main]

use core::cell::RefCell;

use cortex_m::interrupt::Mutex;
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use embedded_hal_bus::spi::ExclusiveDevice;
use macraw::{Buffers, Macraw, StartError};
use rp2040_hal::fugit::{MicrosDurationU32, RateExtU32};
use rp2040_hal::gpio::bank0::{Gpio0, Gpio1};
use rp2040_hal::gpio::{FunctionSpi, FunctionUart, Interrupt, Pin, PinState, Pins, PullDown};
use rp2040_hal::pac::{self, UART0};
use rp2040_hal::rosc::{self, RingOscillator};
use rp2040_hal::timer::{Alarm, Alarm0};
use rp2040_hal::uart::{self, UartConfig, UartPeripheral};
use rp2040_hal::{Clock, Sio, Spi, Timer, Watchdog, clocks, entry};
use undersock::host::Mac;
use undersock::server::Storage;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;
use undersock_board::Board;
use undersock_board::cortex_m::{Line, wait_for_interrupt};
use w5500_ll::Registers;
use w5500_ll::eh1::vdm::W5500;

/// Connections at once, bytes of receive and send buffer each.
type Memory = Storage<'static, 4, 1024, 1024>;

/// Neither chip has an address of its own: each board on a network needs another one here. The first byte's 2 says
/// that it is locally administered.
const MAC: Mac = Mac([0x02, 0, 0, 0x55, 0x00, 0x01]);
/// The crystal.
const XTAL_HZ: u32 = 12_000_000;
/// clk_peri's 125 MHz by 4: the W5500's data sheet vouches for 33.3 MHz (5.5.4, note).
const SPI_HZ: u32 = 31_250_000;
/// Microseconds. An interrupt that never came is made up for by then.
const LONGEST_SLEEP: i64 = 1_000_000;

/// The first 256 bytes of flash: the boot ROM runs them, they set the flash up to be read as memory (2.8.1.3).
// SAFETY: memory.x places the section where the boot ROM looks for it, and nothing else is in it.
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

type Serial = UartPeripheral<
    uart::Enabled,
    UART0,
    (Pin<Gpio0, FunctionUart, PullDown>, Pin<Gpio1, FunctionUart, PullDown>),
>;

/// UART0 on GPIO0, 115,200 baud.
static CONSOLE: Mutex<RefCell<Option<Serial>>> = Mutex::new(RefCell::new(None));

struct Pico<C> {
    ethernet: Macraw<'static, C>,
    random: RingOscillator<rosc::Enabled>,
    timer: Timer,
    alarm: Alarm0,
    alarm_line: Line,
    frame_line: Line,
}

/// Starts the chips.
fn start(buffers: &'static mut Buffers) -> Pico<impl Registers> {
    // Once: there is one start.
    let Some(mut pac) = pac::Peripherals::take() else { panic!() };
    let mut watchdog = Watchdog::new(pac.WATCHDOG);
    let Ok(clocks) = clocks::init_clocks_and_plls(
        XTAL_HZ,
        pac.XOSC,
        pac.CLOCKS,
        pac.PLL_SYS,
        pac.PLL_USB,
        &mut pac.RESETS,
        &mut watchdog,
    ) else {
        panic!("the crystal's clock can't be had")
    };
    let mut timer = Timer::new(pac.TIMER, &mut pac.RESETS, &clocks);
    let pins = Pins::new(pac.IO_BANK0, pac.PADS_BANK0, Sio::new(pac.SIO).gpio_bank0, &mut pac.RESETS);

    let serial = (pins.gpio0.into_function(), pins.gpio1.into_function());
    let serial = UartPeripheral::new(pac.UART0, serial, &mut pac.RESETS)
        .enable(UartConfig::default(), clocks.peripheral_clock.freq());
    cortex_m::interrupt::free(|token| *CONSOLE.borrow(token).borrow_mut() = serial.ok());

    // MOSI, MISO, SCLK, and CSn, RSTn, INTn.
    let bus = (
        pins.gpio19.into_function::<FunctionSpi>(),
        pins.gpio16.into_function::<FunctionSpi>(),
        pins.gpio18.into_function::<FunctionSpi>(),
    );
    let select = pins.gpio17.into_push_pull_output_in_state(PinState::High);
    let mut reset = pins.gpio20.into_push_pull_output();
    let interrupt = pins.gpio21.into_pull_up_input();

    let clock = clocks.peripheral_clock.freq();
    let bus =
        Spi::<_, _, _, 8>::new(pac.SPI0, bus).init(&mut pac.RESETS, clock, SPI_HZ.Hz(), w5500_ll::eh1::MODE);
    let Ok(bus) = ExclusiveDevice::new_no_delay(bus, select);
    let Ok(()) = w5500_ll::eh1::reset(&mut reset, &mut timer);
    let ethernet = match Macraw::start(W5500::new(bus), buffers, MAC.0, cfg!(feature = "ipv6")) {
        Ok(ethernet) => ethernet,
        Err(error) => {
            console(match error {
                StartError::Version(_) => b"No W5500 answers on SPI0. ",
                StartError::Reset => b"The W5500 stays in reset. ",
                StartError::Bus(_) => b"SPI0 fails. ",
            });
            panic!()
        }
    };

    // 2.19.3: by level, so that it is raised as long as a frame waits.
    interrupt.set_interrupt_enabled(Interrupt::LevelLow, true);
    // There are four alarms, and this takes the first.
    let Some(mut alarm) = timer.alarm_0() else { panic!() };
    alarm.enable_interrupt();
    Pico {
        ethernet,
        random: RingOscillator::new(pac.ROSC).initialize(),
        timer,
        alarm,
        alarm_line: Line::enable(pac::Interrupt::TIMER_IRQ_0 as u32),
        frame_line: Line::enable(pac::Interrupt::IO_IRQ_BANK0 as u32),
    }
}

impl<C: Registers + 'static> Board for Pico<C> {
    const NAME: &'static str = "w5500-evb-pico";

    type Device = Macraw<'static, C>;

    fn device(&mut self) -> &mut Self::Device {
        &mut self.ethernet
    }

    fn mac(&self) -> Mac {
        MAC
    }

    /// 4,096 readings of the ring oscillator mixed into 64 bits.
    ///
    /// It is the RP2040's only source, and a weak one: its maker says that it isn't fit for security (2.17.5). How
    /// many of the 64 bits can't be guessed, nobody vouches for.
    fn seed(&mut self) -> u64 {
        (0..4_096).fold(0, |seed: u64, _| {
            // Its 6.5 MHz or so must go on between two readings, or they would be one.
            cortex_m::asm::delay(100);
            (seed.rotate_left(1) ^ u64::from(self.random.get_random_bit()))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }

    fn now(&mut self) -> Instant {
        // 64 bits of microseconds (4.6): not before the year 290,000 does it come to a sign.
        Instant::from_micros(self.timer.get_counter().ticks().cast_signed())
    }

    /// Both lines are raised by level, so to clear one that is still low or due changes nothing: neither a frame nor
    /// the alarm is missed. Interrupts stay masked; they end `wfi` all the same.
    fn sleep_until(&mut self, deadline: Option<Instant>) {
        let now = self.now();
        let left = deadline.map_or(LONGEST_SLEEP, |deadline| deadline.total_micros() - now.total_micros());
        if left <= 0 {
            return;
        }
        self.alarm.clear_interrupt();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to a million")]
        let left = MicrosDurationU32::micros(left.min(LONGEST_SLEEP) as u32);
        // It can't be too long.
        let _ = self.alarm.schedule(left);
        self.alarm_line.clear();
        self.frame_line.clear();
        wait_for_interrupt();
    }

    fn console(bytes: &[u8]) {
        console(bytes);
    }
}

fn console(bytes: &[u8]) {
    cortex_m::interrupt::free(|token| {
        // `try`: a panic may come from here.
        if let Ok(console) = CONSOLE.borrow(token).try_borrow()
            && let Some(console) = console.as_ref()
        {
            console.write_full_blocking(bytes);
        }
    });
}

#[entry]
fn main() -> ! {
    // Zeros: neither takes flash.
    static mut STORAGE: Memory = Storage::new();
    static mut BUFFERS: Buffers = Buffers::new();

    undersock_board::run(start(BUFFERS), STORAGE, Uppercase::new())
}

/// Says so and starts anew: a board that nobody watches must not stay silent.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    console(b"Panic. Starting anew.\r\n");
    start_anew()
}

// SAFETY: it uses no state of what it interrupted but the console, which it leaves alone if that is in use.
#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    console(b"HardFault. Starting anew.\r\n");
    start_anew()
}

/// After a moment, in which what was written leaves the UART: what fails at once must not fill a screen.
fn start_anew() -> ! {
    cortex_m::asm::delay(25_000_000);
    SCB::sys_reset()
}
