//! System control: the processor's clock from the PLL, and the clocks of the peripherals that are used. LM3S6965 data
//! sheet, chapter "System Control".

use undersock::host::Mac;
use undersock_board::peripheral::Peripheral;

/// The processor's clock, the fastest that it has.
pub(crate) const MHZ: u32 = 50;

// SAFETY: system control's registers, from the memory map.
#[allow(unsafe_code, reason = "an address from the memory map")]
const SYSTEM_CONTROL: Peripheral = unsafe { Peripheral::new(0x400f_e000) };

/// Raw interrupt status.
const RIS: usize = 0x050;
/// The PLL has locked.
const PLLLRIS: u32 = 1 << 6;

/// Run-mode clock configuration.
const RCC: usize = 0x060;
/// The 200 MHz of the PLL, divided by 3 + 1.
const SYSDIV_4: u32 = 3 << 23;
const USESYSDIV: u32 = 1 << 22;
/// The PLL is off.
const PWRDN: u32 = 1 << 13;
/// The clock goes around the PLL.
const BYPASS: u32 = 1 << 11;
/// The evaluation board's crystal has 8 MHz.
const XTAL_8_MHZ: u32 = 0xe << 6;
/// The internal oscillator isn't needed beside the main one, which is OSCSRC's value 0.
const IOSCDIS: u32 = 1 << 1;

/// Run-mode clock gating control of the peripherals.
const RCGC1: usize = 0x104;
const RCGC1_UART0: u32 = 1;
const RCGC2: usize = 0x108;
const RCGC2_EPHY0: u32 = 1 << 30;
const RCGC2_EMAC0: u32 = 1 << 28;
const RCGC2_GPIOA: u32 = 1;

/// User registers 0 and 1, in flash: an evaluation board leaves the factory with its MAC address here, three bytes in
/// each.
const USER_REG0: usize = 0x1e0;
const USER_REG1: usize = 0x1e4;

/// Runs the processor with 50 MHz, and the peripherals that are used at all.
pub(crate) fn start() {
    // The five steps of "Initialization and Configuration": around the PLL; PLL on; divider; locked; through the PLL.
    let slow = XTAL_8_MHZ | IOSCDIS | BYPASS;
    SYSTEM_CONTROL.write(RCC, XTAL_8_MHZ | BYPASS | PWRDN);
    SYSTEM_CONTROL.write(RCC, slow);
    SYSTEM_CONTROL.write(RCC, slow | SYSDIV_4 | USESYSDIV);
    while SYSTEM_CONTROL.read(RIS) & PLLLRIS == 0 {}
    SYSTEM_CONTROL.write(RCC, (slow | SYSDIV_4 | USESYSDIV) & !BYPASS);

    SYSTEM_CONTROL.write(RCGC1, RCGC1_UART0);
    SYSTEM_CONTROL.write(RCGC2, RCGC2_EPHY0 | RCGC2_EMAC0 | RCGC2_GPIOA);
    // A peripheral may be used three clocks after it got its own; a read takes longer.
    SYSTEM_CONTROL.read(RCGC2);
}

/// The MAC address in the user registers.
pub(crate) fn mac() -> Mac {
    let [a, b, c, _] = SYSTEM_CONTROL.read(USER_REG0).to_le_bytes();
    let [d, e, f, _] = SYSTEM_CONTROL.read(USER_REG1).to_le_bytes();
    Mac([a, b, c, d, e, f])
}
