// What runs between clone3 and execve in a child of Deno, on aarch64. The twin of clone_x86_64.S,
// which explains the request.
//
//     aarch64-linux-gnu-as -o clone.o clone_aarch64.S
//     aarch64-linux-gnu-objcopy -O binary -j .text clone.o clone.bin

        .text
        .globl  start
start:
        stp     x19, x20, [sp, #-32]!
        str     x21, [sp, #16]
        mov     x19, x0
        ldp     x0, x1, [x19]
        mov     x8, #435                // clone3
        svc     #0
        cbz     x0, child
        ldr     x21, [sp, #16]
        ldp     x19, x20, [sp], #32
        ret

child:
        mov     x20, #0                 // the step's index
        ldr     x21, [x19, #16]         // the step
step:
        mov     x0, #0
        ldr     x9, [x19, #24]
        cmp     x20, x9
        b.hs    failed
        ldp     x8, x0, [x21]
        ldp     x1, x2, [x21, #16]
        ldp     x3, x4, [x21, #32]
        ldr     x5, [x21, #48]
        svc     #0                      // clobbers x0 only
        cmn     x0, #4095
        b.hs    failed
        add     x20, x20, #1
        add     x21, x21, #56
        b       step

failed:
        neg     x0, x0
        stp     x20, x0, [x19, #40]
        mov     x8, #64                 // write
        ldr     x0, [x19, #32]
        add     x1, x19, #40
        mov     x2, #16
        svc     #0
        mov     x8, #94                 // exit_group
        mov     x0, #127
        svc     #0
        brk     #0
