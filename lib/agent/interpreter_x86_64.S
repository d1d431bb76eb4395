# The agent's interpreter, x86_64. It executes a program: a list of 80-byte operations, each one
# system call with its arguments, its error rule and its branch (operation.ts says what each field
# means). It uses no stack and no memory of its own, so a clone without CLONE_VM simply goes on in
# the child with the same program counter.
#
#   rbx  program counter: the address of the current operation
#   r12  address of the operation to go to when one stops with an error
#   r13  address of the record that then says which step, which errno, which call
#
# Assemble: as --64 -o x.o interpreter_x86_64.S && objcopy -O binary -j .text x.o x.bin

        .text
        .globl  _start
_start:
        mov     $0x410000, %ebx         # the boot program, see elf.ts

next:   movzwl  4(%rbx), %ebp           # argument modes, two bits each; then the store width
        .macro  argument offset, register
        mov     \offset(%rbx), %rax
        test    $1, %bpl                # bit 0: the argument is an address to load from
        jz      2f
        test    $2, %bpl                # bit 1: load 32 bits, not 64
        jz      1f
        mov     (%rax), %eax
        jmp     2f
1:      mov     (%rax), %rax
2:      mov     %rax, \register
        shr     $2, %ebp
        .endm
        argument 16, %rdi
        argument 24, %rsi
        argument 32, %rdx
        argument 40, %r10
        argument 48, %r8
        argument 56, %r9

        mov     (%rbx), %eax
        test    %eax, %eax
        js      pseudo
        syscall

done:   mov     12(%rbx), %ecx          # where the result goes, 0 for nowhere
        jrcxz   stored
        test    $1, %bpl
        jnz     1f
        mov     %rax, (%rcx)
        jmp     stored
1:      mov     %eax, (%rcx)

stored: cmp     $-4095, %rax
        jb      branch
        movzbl  6(%rbx), %ecx           # error rule: 0 stop, 1 ignore, 2 tolerate, 3 branch
        cmp     $1, %ecx
        jb      stop
        je      branch
        cmp     $3, %ecx
        je      take
        movzwl  10(%rbx), %ecx          # the one errno that is tolerated
        add     %rax, %rcx
        jz      branch
stop:   movzwl  8(%rbx), %ecx
        mov     %ecx, (%r13)            # step
        mov     %eax, 4(%r13)           # minus errno
        mov     (%rbx), %ecx
        mov     %ecx, 8(%r13)           # call number
        mov     %ebx, 20(%r13)          # address of the operation
        mov     %r12, %rbx
        jmp     next

branch: movzbl  7(%rbx), %ecx           # branch: 0 never, 1 always, 2 on equal, 3 on not equal
        jrcxz   advance
        cmp     $2, %ecx
        jb      take
        mov     64(%rbx), %rdx
        ja      1f
        cmp     %rdx, %rax
        je      take
        jmp     advance
1:      cmp     %rdx, %rax
        jne     take
advance:
        add     $80, %rbx
        jmp     next
take:   mov     72(%rbx), %ebx
        jmp     next

# Operations that are not system calls; the low byte of the number says which.
pseudo: movzbl  %al, %ecx
        mov     %rdi, %rax
        test    %ecx, %ecx
        jz      done                    # 0 SET: the first argument
        dec     %ecx
        jz      add                     # 1 ADD
        dec     %ecx
        jz      subtract                # 2 SUBTRACT
        dec     %ecx
        jz      and                     # 3 AND
        dec     %ecx
        jz      decimal                 # 4 DECIMAL
        mov     %rdi, %r12              # 5 HANDLER: on error go to a, record at b
        mov     %rsi, %r13
        xor     %eax, %eax
        jmp     done
add:    add     %rsi, %rax
        jmp     done
subtract:
        sub     %rsi, %rax
        jmp     done
and:    and     %rsi, %rax
        jmp     done
# The first argument in decimal with a NUL, at the second; the result is its length.
decimal:
        mov     $1, %ecx                # count the digits
        mov     $10, %r8d
1:      xor     %edx, %edx
        div     %r8
        test    %rax, %rax
        jz      2f
        inc     %ecx
        jmp     1b
2:      mov     %ecx, %r9d
        movb    $0, (%rsi,%rcx)
        mov     %rdi, %rax
3:      xor     %edx, %edx
        div     %r8
        add     $48, %dl
        dec     %ecx
        mov     %dl, (%rsi,%rcx)
        jnz     3b
        mov     %r9, %rax
        jmp     done
