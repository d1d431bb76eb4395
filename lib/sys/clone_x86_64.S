// What runs between clone3 and execve in a child of Deno, on x86_64.
//
// long start(struct request *request): called by TypeScript over FFI. In the parent it returns what
// clone3 returned. The child never returns: no JavaScript can run there, for V8 marks its memory
// MADV_DONTFORK. It works through a list of system calls, all of it in memory that mmap gave.
//
//     0  address of struct clone_args        8  its size
//    16  address of the steps               24  their number
//    32  descriptor to report a failure to
//    40  the report: the step's index       48  and its errno; 0: the list ended without execve
//
// A step is seven words: the system call's number and six arguments. Nothing here touches the
// stack after the clone, and nothing refers to an absolute address.
//
//     as -o clone.o clone_x86_64.S && objcopy -O binary -j .text clone.o clone.bin
//
// The bytes stand in clone_code.ts; a test compares.

        .intel_syntax noprefix
        .text
        .globl  start
start:
        push    rbx
        push    r12
        push    r13
        mov     rbx, rdi
        mov     rdi, [rbx]
        mov     rsi, [rbx + 8]
        mov     eax, 435                # clone3
        syscall
        test    rax, rax
        jz      child
        pop     r13
        pop     r12
        pop     rbx
        ret

child:
        xor     r12d, r12d              # the step's index
        mov     r13, [rbx + 16]         # the step
step:
        xor     eax, eax
        cmp     r12, [rbx + 24]
        jae     failed
        mov     rax, [r13]
        mov     rdi, [r13 + 8]
        mov     rsi, [r13 + 16]
        mov     rdx, [r13 + 24]
        mov     r10, [r13 + 32]
        mov     r8, [r13 + 40]
        mov     r9, [r13 + 48]
        syscall                         # clobbers rax, rcx and r11 only
        cmp     rax, -4095
        jae     failed
        inc     r12
        add     r13, 56
        jmp     step

failed:
        neg     rax
        mov     [rbx + 40], r12
        mov     [rbx + 48], rax
        mov     eax, 1                  # write
        mov     edi, [rbx + 32]
        lea     rsi, [rbx + 40]
        mov     edx, 16
        syscall
        mov     eax, 231                # exit_group
        mov     edi, 127
        syscall
        hlt
