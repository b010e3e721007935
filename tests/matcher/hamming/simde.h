/* Lets any x86 processor play AVX-512: SIMDe says its instructions in plain C. Included before all else, by test_sanitizers.py. */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* SIMDe writes all 256 functions of three bits wherever one is asked for; once for each of ours is enough and compiles in seconds. */
#define ONCE static __attribute__((noinline)) simde__m512i
ONCE odd_of_three(simde__m512i a, simde__m512i b, simde__m512i c) { return simde_mm512_ternarylogic_epi64(a, b, c, 0x96); }
ONCE most_of_three(simde__m512i a, simde__m512i b, simde__m512i c) { return simde_mm512_ternarylogic_epi64(a, b, c, 0xe8); }
#undef _mm512_ternarylogic_epi64
#define _mm512_ternarylogic_epi64(a, b, c, of) ((of) == 0x96 ? odd_of_three(a, b, c) : (of) == 0xe8 ? most_of_three(a, b, c) : not_played(of))
simde__m512i not_played(int of); /* linking fails when the kernel asks for another */

#define target(features) /* what __attribute__((target(…))) asks for is not there: compile for what the command line says */
#define LEVELS 3
