// The agent's interpreter, aarch64: the twin of interpreter_x86_64.S, line for line in meaning.
//
//   x19  program counter: the address of the current operation
//   x20  address of the operation to go to when one stops with an error
//   x21  address of the record that then says which step, which errno, which call
//   x22  argument modes, then the store width; x23 result
//
// Assemble: as -o x.o interpreter_aarch64.S && objcopy -O binary -j .text x.o x.bin

        .text
        .globl  _start
_start:
        mov     x19, #0x410000          // the boot program, see elf.ts

next:   ldrh    w22, [x19, #4]
        .macro  argument offset, register
        ldr     x9, [x19, #\offset]
        tbz     w22, #0, 2f             // bit 0: the argument is an address to load from
        tbz     w22, #1, 1f             // bit 1: load 32 bits, not 64
        ldr     w9, [x9]
        b       2f
1:      ldr     x9, [x9]
2:      mov     \register, x9
        lsr     w22, w22, #2
        .endm
        argument 16, x0
        argument 24, x1
        argument 32, x2
        argument 40, x3
        argument 48, x4
        argument 56, x5

        ldr     w8, [x19]
        tbnz    w8, #31, pseudo
        svc     #0
        mov     x23, x0

done:   ldr     w9, [x19, #12]          // where the result goes, 0 for nowhere
        cbz     w9, stored
        tbnz    w22, #0, 1f
        str     x23, [x9]
        b       stored
1:      str     w23, [x9]

stored: cmn     x23, #4095
        b.lo    branch
        ldrb    w9, [x19, #6]           // error rule: 0 stop, 1 ignore, 2 tolerate, 3 branch
        cbz     w9, stop
        cmp     w9, #1
        b.eq    branch
        cmp     w9, #3
        b.eq    take
        ldrh    w9, [x19, #10]          // the one errno that is tolerated
        cmn     x23, x9
        b.eq    branch
stop:   ldrh    w9, [x19, #8]
        str     w9, [x21]               // step
        str     w23, [x21, #4]          // minus errno
        ldr     w9, [x19]
        str     w9, [x21, #8]           // call number
        str     w19, [x21, #20]         // address of the operation
        mov     x19, x20
        b       next

branch: ldrb    w9, [x19, #7]           // branch: 0 never, 1 always, 2 on equal, 3 on not equal
        cbz     w9, advance
        cmp     w9, #2
        b.lo    take
        ldr     x10, [x19, #64]
        b.hi    1f
        cmp     x10, x23
        b.eq    take
        b       advance
1:      cmp     x10, x23
        b.ne    take
advance:
        add     x19, x19, #80
        b       next
take:   ldr     w19, [x19, #72]
        b       next

// Operations that are not system calls; the low byte of the number says which.
pseudo: and     w9, w8, #0xff
        mov     x23, x0
        cbz     w9, done                // 0 SET: the first argument
        cmp     w9, #2
        b.lo    add                     // 1 ADD
        b.eq    subtract                // 2 SUBTRACT
        cmp     w9, #4
        b.lo    and                     // 3 AND
        b.eq    decimal                 // 4 DECIMAL
        mov     x20, x0                 // 5 HANDLER: on error go to a, record at b
        mov     x21, x1
        mov     x23, #0
        b       done
add:    add     x23, x0, x1
        b       done
subtract:
        sub     x23, x0, x1
        b       done
and:    and     x23, x0, x1
        b       done
// The first argument in decimal with a NUL, at the second; the result is its length.
decimal:
        mov     x9, #1                  // count the digits
        mov     x10, #10
        mov     x11, x0
1:      udiv    x11, x11, x10
        cbz     x11, 2f
        add     x9, x9, #1
        b       1b
2:      mov     x23, x9
        strb    wzr, [x1, x9]
3:      udiv    x11, x0, x10
        msub    x12, x11, x10, x0
        add     w12, w12, #48
        sub     x9, x9, #1
        strb    w12, [x1, x9]
        mov     x0, x11
        cbnz    x9, 3b
        b       done
