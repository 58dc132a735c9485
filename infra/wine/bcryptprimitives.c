/* Rust's standard library takes its random bytes from ProcessPrng in bcryptprimitives.dll. Windows has it since version 10; Debian 12's
 * Wine 8 does not. This stands in for it in the smoke test under Wine (cargo xtask windows-smoke) and is never shipped.
 * SystemFunction036 is RtlGenRandom, which Wine feeds from the kernel's own source. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG piece = length > 0x100000 ? 0x100000 : (ULONG)length;
        if (!SystemFunction036(buffer, piece))
            return FALSE;
        buffer += piece;
        length -= piece;
    }
    return TRUE;
}
