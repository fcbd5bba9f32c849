// Sums over features.
#pragma once

#include "functions.h"

template <class T>
void add(const T* values, int64_t count, T* to, T times = 1) {
    EACH for (int64_t j = 0; j < count; ++j) to[j] += times * values[j];
}

// Sum of term(j) for j from 0 to count - 1: in sixteen sums side by side, then by halves.
template <class T, class Term>
T sum_of(int64_t count, Term term) {
    T sums[16] = {};
    int64_t j = 0;
    for (; j + 16 <= count; j += 16)
        for (int k = 0; k < 16; ++k) sums[k] += term(j + k);
    for (int k = 0; j < count; ++j, ++k) sums[k] += term(j);
    for (int half = 8; half; half /= 2)
        for (int k = 0; k < half; ++k) sums[k] += sums[half + k];
    return sums[0];
}

template <class T>
T dot(const T* a, const T* b, int64_t count) {
    return sum_of<T>(count, [&](int64_t j) { return a[j] * b[j]; });
}

template <class T>
T total(const T* values, int64_t count) {
    return sum_of<T>(count, [&](int64_t j) { return values[j]; });
}
