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

// A loop that calls a function cannot be vectorised, and a compiler that has inlined much in a
// large file stops inlining.
#define INLINE inline __attribute__((always_inline))

// e^x with an error of two units in the last place: x = k ln 2 + r, e^r as its Taylor polynomial
// of degree 7 (r at most .347, so the first term left out is below 6e-9).
INLINE float exponential(float x) {
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
INLINE double exponential(double x) { return std::exp(x); }

// log(1 + x) for x from 0 to 1, relative error below 2e-7: with s = x / (2 + x), at most 1/3, it is
// 2 (s + s^3 / 3 + s^5 / 5 + ...), here up to s^13.
INLINE float log_one_plus(float x) {
    const float s = x / (2.0f + x), square = s * s;
    float l = 1.0f / 13;
    l = l * square + 1.0f / 11;
    l = l * square + 1.0f / 9;
    l = l * square + 1.0f / 7;
    l = l * square + 1.0f / 5;
    l = l * square + 1.0f / 3;
    l = l * square + 1.0f;
    return 2.0f * s * l;
}
INLINE double log_one_plus(double x) { return std::log1p(x); }

template <class T>
INLINE T sigmoid(T x) {
    return T(1) / (T(1) + exponential(-x));
}

template <class T>
INLINE T tangent(T x) {  // hyperbolic
    return T(2) * sigmoid(T(2) * x) - T(1);
}

// Sum of term(0) to term(n - 1), always in one order, in which several can be added at once.
template <class T, class Term>
INLINE T total(int64_t n, Term term) {
    constexpr int64_t abreast = 16;
    T sums[abreast] = {};
    int64_t j = 0;
    for (; j + abreast <= n; j += abreast)
        for (int64_t i = 0; i < abreast; ++i) sums[i] += term(j + i);
    for (; j < n; ++j) sums[j % abreast] += term(j);
    T sum = 0;
    for (T part : sums) sum += part;
    return sum;
}
