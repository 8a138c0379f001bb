// Coefficients of the elementary functions, printed by scripts/fit_polynomials.py: minimax in relative error, lowest
// power first, rounded to the precision they serve. Beside each, the base-2 logarithm of its function's relative error.
#pragma once

namespace am::lower {

// (eʳ − 1)/r on [0, ln 2].
inline constexpr double kExpF32[] = {  // -28.8
    0x1.fffffap-1, 0x1.0000bap-1, 0x1.553888p-3, 0x1.575562p-5,
    0x1.ff016cp-8, 0x1.fe3fcp-10,
};
inline constexpr double kExpF64[] = {  // -58.1
    0x1.0000000000004p+0, 0x1.ffffffffffa8ap-2, 0x1.5555555569e88p-3, 0x1.5555555087e88p-5,
    0x1.111111b6e7f3ap-7, 0x1.6c16a56d87686p-10, 0x1.a01d162e2eadbp-13, 0x1.9fe0a2bd1b069p-16,
    0x1.7499046d5fd92p-19, 0x1.131e730c4cc05p-22, 0x1.2f31b7515c0bcp-25,
};

// (eʳ − 1)/r on ±½ ln 2.
inline constexpr double kExpm1F32[] = {  // -26.1
    0x1p+0, 0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556f4p-5,
    0x1.122536p-7, 0x1.6b99fp-10,
};
inline constexpr double kExpm1F64[] = {  // -55.6
    0x1p+0, 0x1.0000000000005p-1, 0x1.555555555554fp-3, 0x1.5555555552273p-5,
    0x1.1111111114dc6p-7, 0x1.6c16c17ec7793p-10, 0x1.a01a018700ee1p-13, 0x1.a019a7d0277d5p-16,
    0x1.71de66bd52dc4p-19, 0x1.28a17417c023ep-22, 0x1.ae988e6c3c93ap-26,
};

// 2(artanh(s)/s − 1)/z, z = s², s ≤ 3 − √8.
inline constexpr double kLogF32[] = {  // -30.2
    0x1.55557ap-1, 0x1.995ed8p-2, 0x1.31e03ep-2,
};
inline constexpr double kLogF64[] = {  // -59.5
    0x1.5555555555592p-1, 0x1.999999997ff14p-2, 0x1.24924941e2247p-2, 0x1.c71c52133ed54p-3,
    0x1.74663d391df4ap-3, 0x1.39a1df6759d07p-3, 0x1.2f0428b554ac5p-3,
};

// (sin(r)/r − 1)/z, z = r², r ≤ π/4.
inline constexpr double kSinF32[] = {  // -27.9
    -0x1.555544p-3, 0x1.1106bep-7, -0x1.9917e6p-13,
};
inline constexpr double kSinF64[] = {  // -57.8
    -0x1.5555555555547p-3, 0x1.111111110f594p-7, -0x1.a01a019bb385bp-13, 0x1.71de3524e194p-19,
    -0x1.ae5e2462ca36cp-26, 0x1.5d7fa36adabf2p-33,
};

// (cos(r) − 1 + z/2)/z², z = r², r ≤ π/4.
inline constexpr double kCosF32[] = {  // -33.1
    0x1.55554ap-5, -0x1.6c0c1cp-10, 0x1.99e1d8p-16,
};
inline constexpr double kCosF64[] = {  // -63.9
    0x1.555555555554ap-5, -0x1.6c16c16c14dcbp-10, 0x1.a01a019c52ef5p-16, -0x1.27e4f7c40ca84p-22,
    0x1.1ee9bb9cccecfp-29, -0x1.8f9541c011521p-37,
};

// (arctan(a)/a − 1)/z, z = a², a ≤ tan π/8.
inline constexpr double kAtanF32[] = {  // -30.5
    -0x1.55554ap-2, 0x1.9991e6p-3, -0x1.23ba1p-3, 0x1.b22baap-4,
    -0x1.f30d34p-5,
};
inline constexpr double kAtanF64[] = {  // -59.5
    -0x1.555555555553dp-2, 0x1.99999999958a2p-3, -0x1.24924922af72dp-3, 0x1.c71c70e704cdep-4,
    -0x1.745cf8fa5b841p-4, 0x1.3b111b48673cep-4, -0x1.10ebd183cc10bp-4, 0x1.df10bdc1a401cp-5,
    -0x1.9cd9433e6f58dp-5, 0x1.37e621fe2290ep-5, -0x1.258e2227d5983p-6,
};

// erf(x)/x − 1, z = x², x ≤ 1.
inline constexpr double kErfF32[] = {  // -29.4
    0x1.06eba8p-3, -0x1.81273ep-2, 0x1.ce2ce6p-4, -0x1.b7f71ap-6,
    0x1.53f224p-8, -0x1.a35162p-11, 0x1.477222p-14,
};
inline constexpr double kErfF64[] = {  // -56.0
    0x1.06eba8214db68p-3, -0x1.812746b0379a1p-2, 0x1.ce2f21a03fd0dp-4, -0x1.b82ce311be7aep-6,
    0x1.565bccf1ddec5p-8, -0x1.c02daf33b7ad1p-11, 0x1.f9a2a2fb5e0d4p-14, -0x1.f4c8f268960acp-17,
    0x1.b9730b4708fc9p-20, -0x1.5bbc2f53a0b9dp-23, 0x1.d5298067fcb7cp-27, -0x1.a61a88d20f1cdp-31,
};

// −log(erfc(1 + u)) on [0, 5].
inline constexpr double kErfcF32[] = {  // -26.7
    0x1.d97fcp+0, 0x1.51c982p+1, 0x1.afb78p-1, 0x1.50539ep-5,
    -0x1.1f8c44p-7, 0x1.fa75e8p-12, 0x1.2ad758p-11, -0x1.4bd3fap-13,
};
inline constexpr double kErfcF64[] = {  // -58.7
    0x1.d97fbf27aa2a1p+0, 0x1.51c9b0006c242p+1, 0x1.afabc11a28cf9p-1, 0x1.5477f09cb3f36p-5,
    -0x1.48c9d407a6c71p-7, 0x1.033f68780a4c5p-9, -0x1.f1b43f02fd35bp-13, -0x1.b8ceabc74cb15p-16,
    0x1.c787879ffcb3bp-16, -0x1.420e328f80002p-17, 0x1.12ded359e69c3p-19, -0x1.1e3ef3c1b623fp-23,
    -0x1.bbdcbd8d9f919p-24, 0x1.d558aeb49a679p-25, -0x1.0eccd6e59feddp-26, 0x1.a4b2364220eafp-29,
    -0x1.b66142350b0ep-32, 0x1.164463b6cff0ap-35, -0x1.45b093a441f8cp-40,
};

// Numbers as sums. All terms but the last have so few bits that their products with the integers they meet are
// exact. The terms of π/2 for f32 are f64: the reduction of an angle is done there.
inline constexpr double kLn2F32[] = {
    0x1.62e4p-1, 0x1.7f7d1cp-20,
};
inline constexpr double kLn2F64[] = {
    0x1.62e42fefa2p-1, 0x1.9ef35793c7673p-41,
};
inline constexpr double kHalfPiF32[] = {
    0x1.921fb54p+0, 0x1.10b4611a62633p-30,
};
inline constexpr double kHalfPiF64[] = {
    0x1.921fb54p+0, 0x1.10b46118p-30, 0x1.313198ap-61, 0x1.701b839a25205p-92,
};

}  // namespace am::lower
