// Functions of one number that a compiler can run on several at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

// Goes before a loop whose passes do not depend on each other.
#if defined(__clang__)
#define EACH _Pragma("clang loop vectorize(assume_safety)")
#else
#define EACH _Pragma("GCC ivdep")
#endif

// e^x with an error of two units in the last place: x = k ln 2 + r, e^r as its Taylor polynomial
// of degree 7 (r at most .347, so the first term left out is below 6e-9).
inline float exponential(float x) {
    x = std::min(std::max(x, -87.0f), 88.0f);
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    const float k = (x * 1.44269504f + shift) - shift;
    // ln 2 in two parts, the first short enough that k times it is exact.
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    float e = 1.0f / 5040;
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    const int32_t bits = (static_cast<int32_t>(k) + 127) << 23;  // 2^k as a float
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return e * power;
}
inline double exponential(double x) { return std::exp(x); }

template <class T>
inline T sigmoid(T x) {
    return T(1) / (T(1) + exponential(-x));
}

template <class T>
inline T tangent(T x) {  // hyperbolic
    return T(2) * sigmoid(T(2) * x) - T(1);
}
